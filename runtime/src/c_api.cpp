#include "fftconv/c_api.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "c_handles.h"
#include "caught.h"
#include "fftconv/cpu_device.h"
#include "fftconv/worker.h"
#include "rows.h"

namespace fftconv {
namespace {

static_assert(static_cast<int>(FFTCONV_CRASHED) == static_cast<int>(ErrorCode::crashed) + 1);
static_assert(static_cast<int>(FFTCONV_CANCELLED) == static_cast<int>(AsyncProgress::cancelled));

thread_local std::string last_error;

fftconv_status fail(Error error) noexcept {
  last_error = std::move(error.message);
  return static_cast<fftconv_status>(static_cast<int>(error.code) + 1);
}

/// Runs the body of a C function: a Result becomes a status, and no exception crosses into C.
template <class Body>
fftconv_status guarded(Body body) noexcept {
  try {
    const Result<void> result = body();
    return result ? FFTCONV_OK : fail(result.error());
  } catch (...) {
    return fail(error_of_exception());
  }
}

Result<std::shared_ptr<Device>> open_named(const char* name) {
  if (!name) return open_best_device();
  const std::string wanted = name;
  for (const DeviceKind kind : {DeviceKind::cuda, DeviceKind::cpu, DeviceKind::sim}) {
    if (wanted == to_string(kind)) return open_device(kind);
  }
  return invalid("there is no device '" + wanted + "': ask for cuda, cpu or sim, or pass null for the best one");
}

/// An executor of a C program.
class ForeignExecutor : public Executor {
 public:
  explicit ForeignExecutor(const fftconv_cpu_options& options) : options_(options) {}
  int threads() const override { return options_.executor_threads(options_.executor); }
  void run(Task task, void* context, int count) override {
    options_.executor_run(options_.executor, task, context, count);
  }

 private:
  fftconv_cpu_options options_;
};

Result<CpuOptions> cpu_options(const fftconv_cpu_options& given) {
  if (!given.executor_threads != !given.executor_run) {
    return invalid("an executor needs both functions: set executor_threads and executor_run, or neither");
  }
  CpuOptions options{.threads = given.threads, .arch = {}, .executor = nullptr};
  if (given.executor_run) options.executor = std::make_shared<ForeignExecutor>(given);
  return options;
}

/// A copy of host memory on the device; empty where there is nothing to copy.
Result<std::unique_ptr<DeviceBuffer>> copy_in(Device& device, const void* host, std::size_t bytes) {
  if (!host) return std::unique_ptr<DeviceBuffer>();
  auto buffer = device.allocate(bytes);
  if (!buffer) return buffer;
  if (auto copied = device.upload((*buffer)->data(), host, bytes); !copied) return copied.error();
  return buffer;
}

void* address(const std::unique_ptr<DeviceBuffer>& buffer) { return buffer ? buffer->data() : nullptr; }

ConvolutionBuffers arguments(const fftconv_buffers& buffers) {
  return {.u = buffers.u,
          .y = buffers.y,
          .pregate = buffers.pregate,
          .postgate = buffers.postgate,
          .skip = buffers.skip,
          .dy = buffers.dy,
          .dk = buffers.dk,
          .carry_in = buffers.carry_in,
          .carry_out = buffers.carry_out};
}

Result<void> execute_host(const fftconv_plan& plan, const fftconv_buffers& buffers) {
  Device& device = *plan.device;
  const Problem& problem = plan.problem();
  const bool forward = reads_filter(problem);
  if (!buffers.u || !(forward ? buffers.y : buffers.dk)) {
    return invalid(forward ? "u and y may not be null" : "u and dk may not be null");
  }
  const std::size_t bytes = io_bytes(problem),
                    skip_bytes = static_cast<std::size_t>(problem.channels) * sizeof(float),
                    carry = carry_bytes(problem), taps = filter_bytes(problem);
  // y goes in as well: with strides, what lies between its samples must come back as it was.
  const std::pair<const void*, std::size_t> hosts[] = {
      {buffers.u, bytes},        {buffers.y, bytes},         {buffers.pregate, bytes},
      {buffers.postgate, bytes}, {buffers.skip, skip_bytes}, {buffers.dy, bytes},
      {buffers.dk, taps},        {buffers.carry_in, carry},  {buffers.carry_out, carry}};
  std::array<std::unique_ptr<DeviceBuffer>, std::size(hosts)> copies;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    auto copy = copy_in(device, hosts[i].first, hosts[i].second);
    if (!copy) return copy.error();
    copies[i] = std::move(*copy);
  }
  const auto call =
      arguments({address(copies[0]), address(copies[1]), address(copies[2]), address(copies[3]), address(copies[4]),
                 address(copies[5]), address(copies[6]), address(copies[7]), address(copies[8])});
  if (auto launched = plan.execute(call, nullptr); !launched) return launched;
  if (auto finished = device.synchronize(nullptr); !finished) return finished;
  if (problem.carry) {
    if (auto copied = device.download(buffers.carry_out, copies[8]->data(), carry); !copied) return copied;
  }
  return forward ? device.download(buffers.y, copies[1]->data(), bytes)
                 : device.download(buffers.dk, copies[6]->data(), taps);
}

/// The options that a program gave, in this library's own shape.
Result<fftconv_context_options> read_options(const fftconv_context_options& given) {
  fftconv_context_options options{};
  const std::size_t size = given.size;
  if (size < sizeof size) return invalid("options have no size: set it to sizeof(fftconv_context_options)");
  std::memcpy(&options, &given, std::min(size, sizeof options));
  if (size > sizeof options) {
    const auto* first = reinterpret_cast<const unsigned char*>(&given);
    const std::span unknown(first + sizeof options, size - sizeof options);
    if (std::ranges::any_of(unknown, [](unsigned char byte) { return byte != 0; })) {
      return invalid("options set a field that this library does not know: it is older than the program's header");
    }
  }
  return options;
}

Result<std::shared_ptr<Device>> open_chosen(const fftconv_context_options& options) {
  if (!options.cpu) return open_named(options.device);
  if (options.device && std::string(options.device) != "cpu") {
    return invalid("options have threads of the CPU device and the device '" + std::string(options.device) +
                   "': leave out one of the two");
  }
  const auto checked = cpu_options(*options.cpu);
  if (!checked) return checked.error();
  return open_cpu_device(*checked);
}

Result<ContextOptions> context_options(const fftconv_context_options& given) {
  ContextOptions options;
  if (given.cache_directory) {
    options.cache_directory = given.cache_directory;
    options.use_disk = !options.cache_directory.empty();
  }
  const bool sound = given.compile_limit_s >= 0 && given.run_limit_s >= 0 && given.memory_limit_bytes >= 0;
  if (!sound) return invalid("a limit of the workers is below 0 or no number: give 0 for the default");
  if (!given.worker) return options;
  WorkerOptions worker;
  const std::string program = given.worker;
  if (program.empty()) return invalid("worker is an empty text: give \"find\", a path, or null for none");
  if (program != "find") worker.program = program;
  if (given.compile_limit_s > 0) worker.limits.compile_s = given.compile_limit_s;
  if (given.run_limit_s > 0) worker.limits.run_s = given.run_limit_s;
  worker.limits.memory_bytes = given.memory_limit_bytes;
  auto pool = make_worker_pool(worker);
  if (!pool) return pool.error();
  options.workers = std::move(*pool);
  return options;
}

Result<void> make_context(const Result<std::shared_ptr<Device>>& device, fftconv_context** context,
                          const ContextOptions& options = {}) {
  if (!device) return device.error();
  auto created = Context::create(*device, options);
  if (!created) return created.error();
  *context = new fftconv_context{*device, *created};
  return {};
}

/// Makes a plan by `how`, a function of Context, and a handle for it.
template <class How>
Result<void> make_plan(fftconv_context* context, const char* problem, const char* rigor, double budget_s,
                       fftconv_plan** plan, How how) {
  if (!context || !problem || !plan) return invalid("context, problem and plan may not be null");
  const auto wanted = parse_problem(problem);
  if (!wanted) return wanted.error();
  PlanOptions options{.budget_s = budget_s};
  if (rigor) {
    const auto parsed = parse_rigor(rigor);
    if (!parsed) return parsed.error();
    options.rigor = *parsed;
  }
  const auto made = ((*context->context).*how)(*wanted, options);
  if (!made) return made.error();
  *plan = make_handle(context->device, *made).release();
  return {};
}

}  // namespace
}  // namespace fftconv

using fftconv::guarded;
using fftconv::invalid;
using fftconv::Result;

const char* fftconv_last_error(void) { return fftconv::last_error.c_str(); }

fftconv_status fftconv_open(const char* device, fftconv_context** context) {
  return guarded([&]() -> Result<void> {
    if (!context) return invalid("context may not be null");
    return fftconv::make_context(fftconv::open_named(device), context);
  });
}

fftconv_status fftconv_open_cpu(const fftconv_cpu_options* options, fftconv_context** context) {
  return guarded([&]() -> Result<void> {
    if (!options || !context) return invalid("options and context may not be null");
    const auto checked = fftconv::cpu_options(*options);
    if (!checked) return checked.error();
    return fftconv::make_context(fftconv::open_cpu_device(*checked), context);
  });
}

fftconv_status fftconv_open_with(const fftconv_context_options* options, fftconv_context** context) {
  return guarded([&]() -> Result<void> {
    if (!options || !context) return invalid("options and context may not be null");
    const auto read = fftconv::read_options(*options);
    if (!read) return read.error();
    const auto made = fftconv::context_options(*read);
    if (!made) return made.error();
    return fftconv::make_context(fftconv::open_chosen(*read), context, *made);
  });
}

void fftconv_close(fftconv_context* context) { delete context; }

fftconv_status fftconv_make_plan(fftconv_context* context, const char* problem, const char* rigor, double budget_s,
                                 fftconv_plan** plan) {
  return guarded(
      [&] { return fftconv::make_plan(context, problem, rigor, budget_s, plan, &fftconv::Context::plan); });
}

fftconv_status fftconv_make_plan_async(fftconv_context* context, const char* problem, const char* rigor,
                                       double budget_s, fftconv_plan** plan) {
  return guarded(
      [&] { return fftconv::make_plan(context, problem, rigor, budget_s, plan, &fftconv::Context::plan_async); });
}

fftconv_status fftconv_wait(const fftconv_plan* plan, double seconds, fftconv_progress* progress) {
  return guarded([&]() -> Result<void> {
    if (!plan || !progress) return invalid("plan and progress may not be null");
    const fftconv::AsyncProgress now = plan->wait(seconds);
    *progress = static_cast<fftconv_progress>(now);
    if (now == fftconv::AsyncProgress::failed) return plan->why_failed();
    return {};
  });
}

void fftconv_cancel(fftconv_plan* plan) {
  if (plan) plan->cancel();
}

void fftconv_free_plan(fftconv_plan* plan) { delete plan; }

const char* fftconv_explain(const fftconv_plan* plan) {
  const char* text = "";
  static_cast<void>(guarded([&]() -> Result<void> {
    if (plan) text = plan->explain();
    return {};
  }));
  return text;
}

fftconv_status fftconv_set_filter(fftconv_plan* plan, const void* taps) {
  return guarded([&]() -> Result<void> {
    if (!plan || !taps) return invalid("plan and taps may not be null");
    return plan->set_filter(taps);
  });
}

fftconv_status fftconv_execute(const fftconv_plan* plan, const fftconv_buffers* buffers, void* stream) {
  return guarded([&]() -> Result<void> {
    if (!plan || !buffers) return invalid("plan and buffers may not be null");
    return plan->execute(fftconv::arguments(*buffers), stream);
  });
}

fftconv_status fftconv_execute_host(const fftconv_plan* plan, const fftconv_buffers* buffers) {
  return guarded([&]() -> Result<void> {
    if (!plan || !buffers) return invalid("plan and buffers may not be null");
    return fftconv::execute_host(*plan, *buffers);
  });
}
