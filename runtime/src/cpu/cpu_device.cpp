// The CPU device: a compiler makes kernels of emitted C++, a team of threads runs them.
#include "cpu/cpu_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>

#include "cpu/cache_flush.h"
#include "cpu/cpu_kernel.h"
#include "cpu/host_compiler.h"
#include "cpu/host_facts.h"
#include "cpu/sample_watch.h"
#include "fftconv/settings.h"
#include "host_memory.h"

namespace fftconv {
namespace {

constexpr int kMostThreads = 4096;

/// What FFTCONV_THREADS or --threads says; 0 where it says nothing.
Result<int> threads_of(const std::string& text) {
  if (text.empty()) return 0;
  int threads = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (code == std::errc() && stop == text.data() + text.size() && threads >= 1 && threads <= kMostThreads)
    return threads;
  return invalid(fmt::format(
      "'{}' is no number of threads: use 1 to {} (FFTCONV_THREADS or --threads), or leave it out for all processors.",
      text, kMostThreads));
}

class CpuDevice : public Device {
 public:
  CpuDevice(std::unique_ptr<HostCompiler> compiler, DeviceFacts facts, std::shared_ptr<Executor> executor,
            HostReadings readings)
      : compiler_(std::move(compiler)),
        identity_(facts),
        facts_(std::move(facts)),
        team_(std::make_shared<Team>(std::move(executor), identity_.sm_count)),
        watch_(std::move(readings)) {}

  const DeviceFacts& facts() const override {
    std::call_once(measured_, [this] { measure_rates(facts_, team_->threads()); });
    return facts_;
  }
  const DeviceFacts& identity() const override { return identity_; }
  std::string driver_version() const override { return os_release(); }
  std::string compiler_version() const override { return compiler_->version(); }
  std::string caveat() const override { return compiler_->caveat(); }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    if (Result<void> ok = check_arch(source); !ok) return ok.error();
    return compiler_->compile(source);
  }

  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                   const CompiledKernel& kernel) override {
    if (Result<void> ok = check_arch(source); !ok) return ok.error();
    Result<std::unique_ptr<LinkedObject>> object = compiler_->link(source, kernel);
    if (!object) return object.error();
    return CpuKernel::make(source, std::move(*object), team_);
  }

  Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes) override { return allocate_host(bytes); }
  Result<void> upload(void* destination, const void* source, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(destination, source, bytes);
    return {};
  }
  Result<void> download(void* destination, const void* source, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(destination, source, bytes);
    return {};
  }
  Result<void> synchronize(Stream) override { return {}; }

  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args, bool cold,
                        const KernelArgs* warm) override {
    const std::lock_guard lock(sampling_);
    Result<void> before;
    if (cold) {
      before = flush_.run(*team_, facts_.l2_bytes);
    } else if (warm) {
      before = kernel.launch(entry, *warm, nullptr);
    }
    if (!before) return before.error();
    watch_.begin();
    const auto begin = std::chrono::steady_clock::now();
    if (Result<void> launched = kernel.launch(entry, args, nullptr); !launched) return launched.error();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return watch_.end(elapsed.count());
  }

 private:
  Result<void> check_arch(const KernelSource& source) const {
    if (source.arch == identity_.arch) return {};
    return invalid(fmt::format("The source was emitted for {}, this processor is {}: emit it for this device.",
                               source.arch, identity_.arch));
  }

  std::unique_ptr<HostCompiler> compiler_;
  const DeviceFacts identity_;
  mutable std::once_flag measured_;  ///< rates cost some 50 ms: only whoever asks for facts pays
  mutable DeviceFacts facts_;
  std::shared_ptr<Team> team_;
  std::mutex sampling_;  ///< one timing at a time
  CacheFlush flush_;
  SampleWatch watch_;
};

}  // namespace

Result<std::shared_ptr<Device>> open_cpu_device(const CpuOptions& options, HostReadings readings) {
  if (options.threads < 0 || options.threads > kMostThreads) {
    return invalid(
        fmt::format("{} threads make no sense: use 0 for all, or up to {}.", options.threads, kMostThreads));
  }
  const Result<int> set = threads_of(settings().threads);
  if (!set) return set.error();
  const int wanted = options.threads > 0 ? options.threads : *set;
  const int available =
      options.executor ? options.executor->threads() : static_cast<int>(std::thread::hardware_concurrency());
  const int threads = wanted > 0 ? wanted : std::clamp(available, 1, kMostThreads);
  if (options.executor && threads > available) {
    return invalid(fmt::format("{} threads are wanted and the executor has {}: ask for no more than it has.", threads,
                               available));
  }
  Result<std::unique_ptr<HostCompiler>> compiler = choose_host_compiler();
  if (!compiler) return compiler.error();
  Result<DeviceFacts> facts = read_host_facts(threads, options.arch);
  if (!facts) return facts.error();
  facts->compiles = (*compiler)->compiles();
  if (!facts->compiles) facts->name += " (portable kernel)";
  auto executor = options.executor ? options.executor : make_thread_pool(threads);
  return std::shared_ptr<Device>(
      std::make_shared<CpuDevice>(std::move(*compiler), std::move(*facts), std::move(executor), std::move(readings)));
}

Result<std::shared_ptr<Device>> open_cpu_device(const CpuOptions& options) {
  return open_cpu_device(options, real_host_readings());
}

Result<std::shared_ptr<Device>> open_cpu_device() { return open_cpu_device(CpuOptions{}); }

}  // namespace fftconv
