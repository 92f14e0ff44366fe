// The GPU as the sections use it: the device of the library, and small kernels of the suite's own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cuda/cuda_context.h"
#include "fftconv/device.h"

namespace fftconv::gpu_suite {

class Gpu {
 public:
  static Result<Gpu> open(const std::filesystem::path& results);

  Device& device() const { return *device_; }
  /// With the rates that the ceilings section measured, where it has.
  const DeviceFacts& facts() const { return facts_; }
  const cuda::CudaContext& context() const { return *context_; }
  /// False after a fault: no call on the device will succeed in this process.
  bool alive() const { return device_->synchronize(nullptr).ok(); }

 private:
  std::shared_ptr<Device> device_;
  std::shared_ptr<const cuda::CudaContext> context_;
  DeviceFacts facts_;
};

/// A kernel of the suite: `text` is written in lane style or plain CUDA, after the prelude and fftconv_args.
struct SmallKernel {
  KernelEntry entry;
  std::string text;
};
KernelSource source_of(const SmallKernel& kernel, const std::string& arch);

/// Compiled and loaded.
struct ReadyKernel {
  KernelEntry entry;
  std::shared_ptr<const LoadedKernel> loaded;
  int registers = 0;
  int spill_bytes = 0;
};
Result<ReadyKernel> make_ready(Device& device, const SmallKernel& kernel);

/// Launches and waits.
Result<void> run(Device& device, const ReadyKernel& kernel, const KernelArgs& args);

/// Median seconds of `count` samples.
Result<double> time(Device& device, const ReadyKernel& kernel, const KernelArgs& args, bool cold, int count);

}  // namespace fftconv::gpu_suite
