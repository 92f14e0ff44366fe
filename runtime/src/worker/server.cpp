// The worker's side: does what it is asked, one request after another.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "fftconv/plan.h"
#include "fftconv/settings.h"
#include "fftconv/worker.h"
#include "worker/values.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FFTCONV_SANITIZED 1
#else
#define FFTCONV_SANITIZED 0
#endif

namespace fftconv {
namespace {

using namespace worker;

void set_limits(std::int64_t memory_bytes) {
  const rlimit no_core{1, 1};  // at 1 Linux leaves out cores that go to a program, too; at 0 it does not
  setrlimit(RLIMIT_CORE, &no_core);
  // Where the machine's memory ends before the limit does, this process is to go, not the tuner.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  if (memory_bytes > 0 && !FFTCONV_SANITIZED) {
    const auto bytes = static_cast<rlim_t>(memory_bytes);
    const rlimit memory{bytes, bytes};
    setrlimit(RLIMIT_DATA, &memory);
  }
}

// A kernel that never ends must not outlive its parent: when the channel's other end is gone, so is this process.
// (PR_SET_PDEATHSIG would follow the thread that started this process, not the process.)
void watch_channel(int channel) {
  std::thread([channel] {
    pollfd wait{.fd = channel, .events = POLLRDHUP, .revents = 0};
    while (poll(&wait, 1, -1) < 0) continue;
    _exit(0);
  }).detach();
}

Message answer(Writer& out) { return {Kind::answer, out.take()}; }

Message refusal(const Error& error) {
  Writer out;
  out.put(false);
  put(out, error);
  return answer(out);
}

class Server {
 public:
  explicit Server(const OpenDevice& open) : open_(open) {}

  std::optional<Message> serve(const Message& request) {
    Reader in(request.payload);
    switch (request.kind) {
      case Kind::begin:
        return begin(in);
      case Kind::compile:
        return compile(in);
      case Kind::prepare:
        return prepare(in);
      case Kind::sample:
        return sample(in);
      case Kind::release:
        release(in);
        return std::nullopt;
      case Kind::answer:
        break;
    }
    return refusal(invalid("An answer is no request."));
  }

 private:
  Message begin(Reader& in) {
    const auto kind = in.get(DeviceKind::fake);
    const int ordinal = in.get<int>();
    const Result<Problem> problem = parse_problem(in.text());
    policy_ = get_policy(in);
    const std::string generator = in.text();
    const bool runs = in.flag();
    const int threads = in.get<int>();
    if (generator != generator_digest()) {
      return refusal(
          invalid("The worker program is of another version than its parent: install both from one build."));
    }
    if (!in.ok() || !problem) return refusal(invalid("The request that begins a problem cannot be read."));
    problem_ = *problem;
    runner_.reset();
    if (!context_ || kind != context_->device().facts().kind || ordinal != context_->device().ordinal() ||
        threads != threads_) {
      use_threads(threads);
      auto device = open_(kind, ordinal);
      if (!device) return refusal(device.error());
      auto context = Context::create(*device, {.use_disk = false});
      if (!context) return refusal(context.error());
      context_ = *context;
    }
    if (runs) {
      auto runner = make_runner(*context_, problem_, policy_);
      if (!runner) return refusal(runner.error());
      runner_ = std::move(*runner);
    }
    return done();
  }

  // As many as the parent's device has, which need not be what the environment says.
  void use_threads(int threads) {
    Settings changed = settings();
    if (threads > 0) changed.threads = std::to_string(threads);
    set_settings(changed);
    threads_ = threads;
  }

  Message compile(Reader& in) {
    const Result<KernelSource> source = source_of(in);
    if (!source) return refusal(source.error());
    const Result<CompiledKernel> kernel = context_->device().compile(*source);
    if (!kernel) return refusal(kernel.error());
    Writer out;
    out.put(true);
    put(out, *kernel);
    return answer(out);
  }

  Message prepare(Reader& in) {
    const Result<KernelSource> source = source_of(in);
    const CompiledKernel kernel = get_kernel(in);
    if (!source) return refusal(source.error());
    if (!in.ok()) return refusal(invalid("The request that prepares a candidate cannot be read."));
    if (!runner_) return refusal(invalid("This process was begun for compiling."));
    context_->keep_kernel(*source, kernel);
    Writer out;
    const Result<Measurement> measurement = runner_->prepare(source->config);
    if (!measurement) return refusal(measurement.error());
    put(out.put(true), *measurement);
    return answer(out);
  }

  Message sample(Reader& in) {
    const Result<KernelConfig> config = parse_config(in.text());
    if (!config || !runner_) return refusal(invalid("There is no such candidate to sample."));
    const Result<Sample> sample = runner_->sample(*config);
    if (!sample) return refusal(sample.error());
    Writer out;
    put(out.put(true), *sample);
    return answer(out);
  }

  void release(Reader& in) {
    const Result<KernelConfig> config = parse_config(in.text());
    if (config && runner_) runner_->release(*config);
  }

  // The parent's digest must be this process's: what is checked and timed here is stored under it.
  Result<KernelSource> source_of(Reader& in) {
    const Result<KernelConfig> config = parse_config(in.text());
    const std::string digest = in.text();
    if (!config) return config.error();
    if (!context_) return invalid("No problem was begun.");
    Result<KernelSource> source = emit(problem_, *config, context_->device().facts());
    if (source && source->digest != digest) {
      return invalid("The worker process emits another source than its parent for this device.");
    }
    return source;
  }

  static Message done() {
    Writer out;
    out.put(true);
    return answer(out);
  }

  const OpenDevice& open_;
  std::shared_ptr<Context> context_;
  int threads_ = 0;  ///< of the CPU device
  Problem problem_;
  MeasurePolicy policy_;
  std::unique_ptr<Runner> runner_;
};

}  // namespace

int worker_main(int argc, char** argv, const OpenDevice& open) {
  const int channel = argc == 3 ? std::atoi(argv[1]) : -1;
  if (channel < 3 || fcntl(channel, F_GETFD) < 0) return 2;  // started by hand: there is nobody to answer to
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  set_limits(std::strtoll(argv[2], nullptr, 10));
  watch_channel(channel);
  Server server(open);
  for (;;) {
    const Result<Message> request = receive(channel, -1);
    if (!request) return request.error().code == ErrorCode::not_found ? 0 : 1;
    const std::optional<Message> reply = server.serve(*request);
    if (reply && !send(channel, *reply, -1)) return 1;
  }
}

}  // namespace fftconv
