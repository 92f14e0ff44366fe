// The CUDA device: everything that fftconv::Device asks for, on one NVIDIA GPU.
#include <fmt/format.h>

#include <memory>

#include "cuda/clang_nvptx.h"
#include "cuda/cuda_context.h"
#include "cuda/cuda_facts.h"
#include "cuda/cuda_module.h"
#include "cuda/cuda_timer.h"
#include "cuda/nvml.h"
#include "fftconv/device.h"
#include "fftconv/nvrtc.h"

namespace fftconv {
namespace {

using cuda::CuAddress;
using cuda::CudaContext;
using cuda::CurrentContext;
using cuda::Driver;

CuAddress address_of(const void* pointer) { return reinterpret_cast<CuAddress>(pointer); }

class CudaBuffer final : public DeviceBuffer {
 public:
  CudaBuffer(std::shared_ptr<const CudaContext> context, CuAddress address, std::size_t size)
      : context_(std::move(context)), address_(address), size_(size) {}
  ~CudaBuffer() override {
    const CurrentContext current(*context_);
    const cuda::RelaxedCapture relaxed(context_->driver());
    context_->driver().memory_free(address_);
  }
  void* data() const override { return reinterpret_cast<void*>(address_); }
  std::size_t size() const override { return size_; }

 private:
  std::shared_ptr<const CudaContext> context_;
  CuAddress address_;
  std::size_t size_;
};

class CudaDevice final : public Device {
 public:
  CudaDevice(int ordinal, std::shared_ptr<const CudaContext> context, DeviceFacts facts, bool exact_target)
      : ordinal_(ordinal),
        context_(std::move(context)),
        facts_(std::move(facts)),
        exact_target_(exact_target),
        nvml_(cuda::Nvml::open(context_->bus_id())),
        timer_(context_, nvml_.get(), facts_) {}

  const DeviceFacts& facts() const override { return facts_; }

  int ordinal() const override { return ordinal_; }

  std::string driver_version() const override {
    const int version = context_->driver().version;
    const std::string speaks = fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
    const std::string own = nvml_ ? nvml_->driver_version() : "";
    return own.empty() ? speaks : fmt::format("{} ({})", own, speaks);
  }

  std::string compiler_version() const override {
    const auto version = nvrtc_version();
    return version ? "nvrtc " + *version : "none";
  }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    if (source.config.compiler == CompilerId::clang) return cuda::compile_with_clang(source, facts_.arch);
    if (exact_target_) return nvrtc_compile(source, facts_.arch, BinaryFormat::cubin);
    // A later part of the same generation: PTX without the "a", which its driver translates.
    const std::string generation = facts_.arch.substr(0, facts_.arch.find('a'));
    return nvrtc_compile(source, generation, BinaryFormat::ptx);
  }

  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                   const CompiledKernel& kernel) override {
    return cuda::load_module(context_, source, kernel);
  }

  Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes) override {
    const CurrentContext current(*context_);
    const Driver& driver = context_->driver();
    CuAddress address = 0;
    // The driver refuses an empty buffer; an address is wanted all the same.
    const cuda::CuStatus status = driver.memory_allocate(&address, bytes == 0 ? 1 : bytes);
    if (status != cuda::cu_success) {
      std::size_t free = 0, total = 0;
      driver.memory_info(&free, &total);
      const bool full = status == cuda::cu_out_of_memory;  // else a kernel before broke the context
      return Error{full ? ErrorCode::out_of_memory : ErrorCode::launch_failed,
                   fmt::format("The GPU cannot allocate {} bytes, {} of {} are free ({}).", bytes, free, total,
                               driver.describe(status))};
    }
    return std::unique_ptr<DeviceBuffer>(new CudaBuffer(context_, address, bytes));
  }

  Result<void> upload(void* destination, const void* source, std::size_t bytes) override {
    if (bytes == 0) return {};
    const CurrentContext current(*context_);
    const Driver& driver = context_->driver();
    const cuda::CuStream own = cuda::stream_or_own(nullptr);
    if (!own) {
      return driver.check(driver.copy_to_device(address_of(destination), source, bytes), ErrorCode::launch_failed,
                          "copy from the host");
    }
    auto queued = driver.check(driver.copy_to_device_async(address_of(destination), source, bytes, own),
                               ErrorCode::launch_failed, "copy from the host");
    return queued ? synchronize(own) : queued;
  }

  Result<void> download(void* destination, const void* source, std::size_t bytes) override {
    if (bytes == 0) return {};
    const CurrentContext current(*context_);
    const Driver& driver = context_->driver();
    const cuda::CuStream own = cuda::stream_or_own(nullptr);
    if (!own) {
      return driver.check(driver.copy_to_host(destination, address_of(source), bytes), ErrorCode::launch_failed,
                          "copy to the host");
    }
    auto queued = driver.check(driver.copy_to_host_async(destination, address_of(source), bytes, own),
                               ErrorCode::launch_failed, "copy to the host");
    return queued ? synchronize(own) : queued;
  }

  Result<void> synchronize(Stream stream) override {
    const CurrentContext current(*context_);
    const Driver& driver = context_->driver();
    return driver.check(driver.stream_synchronize(cuda::stream_or_own(stream)), ErrorCode::launch_failed,
                        "finish what was launched");
  }

  bool is_capturing(Stream stream) const override {
    const CurrentContext current(*context_);
    cuda::CuCaptureStatus status = cuda::capture_none;
    // The default stream refuses to answer while a stream that it waits for is captured.
    const cuda::CuStatus asked = context_->driver().stream_is_capturing(cuda::stream_or_own(stream), &status);
    return asked != cuda::cu_success || status != cuda::capture_none;
  }

  std::unique_ptr<BackgroundScope> enter_background() override {
    return std::make_unique<cuda::CudaBackground>(context_);
  }

  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args, bool cold,
                        const KernelArgs* warm) override {
    return timer_.sample(kernel, entry, args, cold, warm);
  }

 private:
  int ordinal_;
  std::shared_ptr<const CudaContext> context_;
  DeviceFacts facts_;
  bool exact_target_;
  std::unique_ptr<cuda::Nvml> nvml_;
  cuda::CudaTimer timer_;
};

}  // namespace

Result<std::shared_ptr<Device>> open_cuda_device(int ordinal) {
  auto context = CudaContext::open(ordinal);
  if (!context) return context.error();
  const auto target =
      cuda::target_for((*context)->attribute(cuda::attribute_major), (*context)->attribute(cuda::attribute_minor));
  if (!target) return target.error();
  auto facts = cuda::facts_of(**context);
  if (!facts) return facts.error();
  return std::shared_ptr<Device>(
      std::make_shared<CudaDevice>(ordinal, std::move(*context), std::move(*facts), target->exact));
}

}  // namespace fftconv
