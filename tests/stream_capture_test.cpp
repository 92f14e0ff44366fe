// While a stream is captured: nothing is compiled, allocated or waited for on the caller's thread, and what the
// background does breaks no capture. On the CUDA device over a libcuda that refuses what the driver refuses.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "cuda/cuda_context.h"
#include "fake_bench.h"
#include "fakes/libcuda.h"
#include "fftconv/async_plan.h"
#include "fftconv/search_space.h"
#include "fftconv/settings.h"
#include "forwarding_device.h"

namespace fftconv {
namespace {

FakeCuda& fake() {
  static FakeCuda* const opened = [] {
    void* library = dlopen(FFTCONV_FAKE_LIBCUDA, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(library, dlerror());
    return reinterpret_cast<FakeCuda* (*)()>(dlsym(library, "fake_cuda"))();
  }();
  return *opened;
}

std::shared_ptr<Device> fake_gpu() {
  Settings changed = settings();
  changed.cuda_driver = FFTCONV_FAKE_LIBCUDA;
  set_settings(changed);
  fake().parameter_bytes = 0;
  auto device = open_cuda_device(0);
  REQUIRE_MESSAGE(device, device.error().message);
  return *device;
}

/// The CUDA device with a compiler that needs no NVRTC: a module of the fake names its functions.
class WithCompiler final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  std::function<void(const KernelSource&)> compiling;
  std::atomic<int> compiles = 0;

  Result<CompiledKernel> compile(const KernelSource& source) override {
    if (compiling) compiling(source);
    ++compiles;
    const std::string text = "FAKE " + source.convolution.name + " " + source.spectrum.name;
    CompiledKernel kernel;
    kernel.format = BinaryFormat::ptx;
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    kernel.binary.assign(bytes, bytes + text.size());
    return kernel;
  }
  std::string compiler_version() const override { return "a test's compiler"; }
};

enum class StreamKind { waited_for, non_blocking };  ///< by the default stream

struct Capture {
  explicit Capture(void* stream, StreamKind kind = StreamKind::waited_for) {
    fake().capture_broken = false;
    fake().captured_launches = 0;
    fake().non_blocking = kind == StreamKind::non_blocking;
    fake().capturing = stream;
  }
  ~Capture() {
    fake().capturing = nullptr;
    fake().non_blocking = false;
  }
};

struct DeviceRows {
  std::unique_ptr<DeviceBuffer> taps, u, y;
  DeviceRows(Device& device, const Problem& problem) {
    const auto rows = static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen);
    taps =
        std::move(device.allocate(static_cast<std::size_t>(filter_count(problem) * problem.filter_len) * 4)).value();
    u = std::move(device.allocate(rows * 4)).value();
    y = std::move(device.allocate(rows * 4)).value();
  }
  ConvolutionBuffers buffers() const { return {.u = u->data(), .y = y->data()}; }
};

int a_stream, another_stream;  // their addresses are streams

}  // namespace

TEST_CASE("a planned convolution is captured: no call but the launch") {
  const auto device = std::make_shared<WithCompiler>(fake_gpu());
  const auto context = context_on(device);
  const Plan plan = *context->plan(small_problem());
  const DeviceRows rows(*device, small_problem());
  const auto spectrum = plan.make_spectrum(rows.taps->data());
  REQUIRE(spectrum);
  const Capture capture(&a_stream);
  fake().calls.clear();
  ConvolutionBuffers buffers = rows.buffers();
  buffers.spectrum = &*spectrum;
  REQUIRE(context->plan(small_problem()));  // in memory
  REQUIRE(plan.execute(buffers, &a_stream));
  CHECK(fake().calls == std::vector<std::string>{"cuLaunchKernel"});
  CHECK(fake().captured_launches == 1);
  CHECK_FALSE(fake().capture_broken);
}

TEST_CASE("what would have to be made while a stream is captured is refused, and the capture goes on") {
  const auto device = std::make_shared<WithCompiler>(fake_gpu());
  const auto context = context_on(device);
  const Plan plan = *context->plan(small_problem());
  AsyncPlan async = *context->plan_async(small_problem());
  const DeviceRows rows(*device, small_problem());
  REQUIRE(async.set_filter(rows.taps->data()));
  const int compiles = device->compiles;
  const Capture capture(&a_stream);
  fake().calls.clear();
  const std::vector<float> taps(small_problem().filter_len * 3);
  const Result<void> refused[] = {
      context->plan(small_problem(512)) ? Result<void>() : context->plan(small_problem(512)).error(),
      context->plan(small_problem(512), {.stream = &a_stream}).error(),
      context->plan_async(small_problem(512), {.stream = &a_stream}).error(),
      plan.make_spectrum(rows.taps->data(), &a_stream).error(),
      plan.make_spectrum(rows.taps->data()).error(),
      async.set_filter(rows.taps->data(), &a_stream),
      async.set_filter_from_host(taps.data(), &a_stream),
  };
  for (const Result<void>& result : refused) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::busy);
    CHECK(result.error().message.find("before the capture begins") != std::string::npos);
  }
  CHECK(fake().calls.empty());
  CHECK(device->compiles == compiles);
  CHECK_FALSE(fake().capture_broken);
  REQUIRE(async.execute(rows.buffers(), &a_stream));
  CHECK(fake().captured_launches == 1);
}

TEST_CASE(
    "a captured stream that the default one does not wait for must be named: then what has to be made is refused") {
  const auto device = std::make_shared<WithCompiler>(fake_gpu());
  const auto context = context_on(device);
  const Plan plan = *context->plan(small_problem());
  AsyncPlan async = *context->plan_async(small_problem());
  const DeviceRows rows(*device, small_problem());
  REQUIRE(async.set_filter(rows.taps->data()));
  const int compiles = device->compiles;
  const Capture capture(&a_stream, StreamKind::non_blocking);
  fake().calls.clear();
  CHECK(device->is_capturing(&a_stream));
  CHECK_FALSE(device->is_capturing(nullptr));  // the driver tells of the stream that is asked, and no other
  CHECK_FALSE(device->is_capturing(&another_stream));
  const std::vector<float> taps(small_problem().filter_len * 3);
  const PlanOptions on_stream{.stream = &a_stream};
  const Result<void> refused[] = {
      context->plan(small_problem(512), on_stream).error(),
      context->plan_async(small_problem(512), on_stream).error(),
      plan.make_spectrum(rows.taps->data(), &a_stream).error(),
      async.set_filter(rows.taps->data(), &a_stream),
      async.set_filter_from_host(taps.data(), &a_stream),
  };
  for (const Result<void>& result : refused) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::busy);
  }
  REQUIRE(context->plan(small_problem(), on_stream));  // in memory
  REQUIRE(async.execute(rows.buffers(), &a_stream));
  CHECK(fake().calls == std::vector<std::string>{"cuLaunchKernel"});
  CHECK(fake().captured_launches == 1);
  CHECK(device->compiles == compiles);
  CHECK_FALSE(fake().capture_broken);
}

TEST_CASE(
    "a captured stream that does not block and is not named: a plan is made beside the capture, a spectrum ends it") {
  const auto device = std::make_shared<WithCompiler>(fake_gpu());
  const auto context = context_on(device);
  const DeviceRows rows(*device, small_problem());
  const Capture capture(&a_stream, StreamKind::non_blocking);
  const Result<Plan> plan = context->plan(small_problem());
  REQUIRE(plan);
  CHECK(device->compiles == 1);  // while the stream is captured: nothing here can know
  CHECK_FALSE(fake().capture_broken);
  CHECK_FALSE(plan->make_spectrum(rows.taps->data()).ok());
  CHECK(fake().capture_broken);
  // None of this says anything of a kernel.
  context->with_database(
      [&](TuningDb& database) { CHECK(database.trials(context->environment(), small_problem()).empty()); });
}

TEST_CASE("the background loads, allocates and makes a spectrum while another thread captures, and breaks nothing") {
  const auto device = std::make_shared<WithCompiler>(fake_gpu());
  const KernelConfig first = *default_config(small_problem(), device->facts());
  std::atomic<bool> go = false;
  device->compiling = [&](const KernelSource& source) {
    while (source.config != first && !go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  {
    const auto context = context_on(device);
    AsyncPlan plan = *context->plan_async(small_problem());
    REQUIRE(plan.current().config() == first);
    const DeviceRows rows(*device, small_problem());
    REQUIRE(plan.set_filter(rows.taps->data()));
    {
      const Capture capture(&a_stream);
      REQUIRE(plan.execute(rows.buffers(), &a_stream));
      fake().calls.clear();
      fake().launches.clear();
      go = true;
      REQUIRE_MESSAGE(plan.wait(60) == AsyncProgress::settled, (plan.error() ? plan.error()->message : ""));
      CHECK(plan.current().config() != first);
      CHECK_FALSE(fake().capture_broken);
      // The background's own launch, of the spectrum, was on a stream of its own.
      REQUIRE(fake().launches.size() == 1);
      CHECK(fake().launches[0].stream != nullptr);
      CHECK(fake().launches[0].stream != &a_stream);
      REQUIRE(plan.execute(rows.buffers(), &a_stream));  // the new kernel, in the same capture
      CHECK(fake().captured_launches == 2);
      CHECK(std::ranges::count(fake().calls, "cuModuleLoadDataEx") == 1);
      // What the graph has captured is still loaded.
      CHECK(std::ranges::count(fake().calls, "cuModuleUnload") == 0);
    }
  }
  CHECK(fake().modules == 0);
}

TEST_CASE("memory that is freed while another stream is captured does not end the capture") {
  const auto device = fake_gpu();
  auto buffer = device->allocate(64);
  REQUIRE(buffer);
  const Capture capture(&another_stream);
  buffer->reset();
  CHECK_FALSE(fake().capture_broken);
  CHECK_FALSE(device->allocate(64).ok());  // the fake does refuse: the checks above could fail
  CHECK(fake().capture_broken);
}

TEST_CASE("a thread leaves the background as it entered it") {
  const auto device = fake_gpu();
  const Capture capture(&a_stream);
  {
    const auto outer = device->enter_background();
    { const auto inner = device->enter_background(); }
    CHECK(device->allocate(64).ok());
    CHECK_FALSE(device->is_capturing(nullptr));
    CHECK(device->is_capturing(&a_stream));
  }
  CHECK(device->is_capturing(nullptr));
  CHECK_FALSE(device->allocate(64).ok());
}

}  // namespace fftconv
