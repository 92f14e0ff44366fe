// The CPU device: a compiler makes kernels of emitted C++, a pool of threads runs them.
#include "cpu/cpu_device.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <mutex>

#include "cpu/cache_flush.h"
#include "cpu/cpu_kernel.h"
#include "cpu/host_compiler.h"
#include "cpu/host_facts.h"
#include "host_memory.h"

namespace fftconv {
namespace {

class CpuDevice : public Device {
 public:
  CpuDevice(std::unique_ptr<HostCompiler> compiler, DeviceFacts facts)
      : compiler_(std::move(compiler)),
        identity_(facts),
        facts_(std::move(facts)),
        pool_(std::make_shared<ThreadPool>(facts_.sm_count)) {}

  const DeviceFacts& facts() const override {
    std::call_once(measured_, [this] { measure_rates(facts_, pool_->threads()); });
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
    return CpuKernel::make(source, std::move(*object), pool_);
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

  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args,
                        bool cold) override {
    const std::lock_guard lock(sampling_);
    if (cold) {
      if (Result<void> flushed = flush_.run(*pool_, facts_.l2_bytes); !flushed) return flushed.error();
    }
    const auto begin = std::chrono::steady_clock::now();
    if (Result<void> launched = kernel.launch(entry, args, nullptr); !launched) return launched.error();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return Sample{.seconds = elapsed.count()};
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
  std::shared_ptr<ThreadPool> pool_;
  std::mutex sampling_;  ///< one timing at a time
  CacheFlush flush_;
};

}  // namespace

Result<std::shared_ptr<Device>> make_cpu_device(int threads, const std::string& arch) {
  if (threads < 0) return invalid(fmt::format("{} threads make no sense: use 0 for all, or more.", threads));
  Result<std::unique_ptr<HostCompiler>> compiler = choose_host_compiler();
  if (!compiler) return compiler.error();
  const auto available = static_cast<int>(std::thread::hardware_concurrency());
  Result<DeviceFacts> facts = read_host_facts(threads > 0 ? threads : std::max(1, available), arch);
  if (!facts) return facts.error();
  facts->compiles = (*compiler)->compiles();
  if (!facts->compiles) facts->name += " (portable kernel)";
  return std::shared_ptr<Device>(std::make_shared<CpuDevice>(std::move(*compiler), std::move(*facts)));
}

Result<std::shared_ptr<Device>> open_cpu_device() { return make_cpu_device(0); }

}  // namespace fftconv
