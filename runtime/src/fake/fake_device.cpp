#include "fftconv/fake_device.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "fake/fake_kernel.h"
#include "host_memory.h"

namespace fftconv {
namespace {

class FakeDevice : public Device {
 public:
  explicit FakeDevice(FakeScript script) : script_(std::make_shared<const FakeScript>(std::move(script))) {}

  const DeviceFacts& facts() const override { return script_->facts; }
  std::string driver_version() const override { return "fake driver 1"; }
  std::string compiler_version() const override { return "fake compiler 1"; }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    if (script_->compile) {
      if (Result<void> compiled = script_->compile(source.config); !compiled) return compiled.error();
    }
    CompiledKernel kernel;
    const auto* digest = reinterpret_cast<const std::byte*>(source.digest.data());
    kernel.binary.assign(digest, digest + source.digest.size());
    kernel.registers = 64;
    kernel.log = "compiled by the fake device";
    return kernel;
  }

  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                   const CompiledKernel& kernel) override {
    const auto* digest = reinterpret_cast<const std::byte*>(source.digest.data());
    if (!std::equal(kernel.binary.begin(), kernel.binary.end(), digest, digest + source.digest.size())) {
      return Error{ErrorCode::damaged, "The binary was not made from this source: compile it again."};
    }
    if (source.partitions > 1)
      return unsupported("The fake device has no filters in partitions: use the CPU device.");
    return std::shared_ptr<const LoadedKernel>(std::make_shared<FakeKernel>(source, script_));
  }

  Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes) override { return allocate_host(bytes); }

  Result<void> upload(void* destination, const void* source, std::size_t bytes) override {
    std::memcpy(destination, source, bytes);
    return {};
  }
  Result<void> download(void* destination, const void* source, std::size_t bytes) override {
    std::memcpy(destination, source, bytes);
    return {};
  }
  Result<void> synchronize(Stream) override { return {}; }

  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args, bool cold,
                        const KernelArgs* warm) override {
    const auto* fake = dynamic_cast<const FakeKernel*>(&kernel);
    if (!fake) return invalid("The kernel was loaded by another device: load it with this one.");
    if (!cold && warm) {
      if (Result<void> launched = fake->launch(entry, *warm, nullptr); !launched) return launched.error();
    }
    if (script_->launch) {
      if (Result<void> launched = script_->launch(fake->config()); !launched) return launched.error();
    }
    if (script_->trespass) script_->trespass(fake->config(), args);
    if (!script_->sample) return Sample{.seconds = 1e-3};
    int call = 0;
    {
      const std::lock_guard lock(mutex_);
      call = calls_[to_string(fake->config())]++;
    }
    return script_->sample(fake->config(), call);
  }

 private:
  std::shared_ptr<const FakeScript> script_;
  std::mutex mutex_;
  std::map<std::string, int> calls_;  ///< samples taken, by config
};

}  // namespace

std::shared_ptr<Device> make_fake_device(FakeScript script) {
  if (script.facts.arch.empty()) {
    if (Result<DeviceFacts> facts = facts_of_arch("sm_90a")) script.facts = *facts;
    script.facts.kind = DeviceKind::fake;
    script.facts.name = "fake sm_90a";
  }
  return std::make_shared<FakeDevice>(std::move(script));
}

}  // namespace fftconv
