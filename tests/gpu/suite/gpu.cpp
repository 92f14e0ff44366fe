#include "suite/gpu.h"

#include "fftconv/statistics.h"
#include "lanes/lane_case.h"
#include "suite/measured_facts.h"

namespace fftconv::gpu_suite {

Result<Gpu> Gpu::open(const std::filesystem::path& results) {
  Gpu gpu;
  auto device = open_cuda_device(0);
  if (!device) return device.error();
  auto context = cuda::CudaContext::open(0);
  if (!context) return context.error();
  gpu.device_ = std::move(*device);
  gpu.context_ = std::move(*context);
  gpu.facts_ = with_measured_rates(gpu.device_->facts(), results);
  return gpu;
}

KernelSource source_of(const SmallKernel& kernel, const std::string& arch) {
  KernelSource source;
  source.arch = arch;
  source.convolution = kernel.entry;
  source.text = lanes::preamble() + kernel.text;
  return source;
}

Result<ReadyKernel> make_ready(Device& device, const SmallKernel& kernel) {
  const KernelSource source = source_of(kernel, device.facts().arch);
  auto compiled = device.compile(source);
  if (!compiled) return compiled.error();
  auto loaded = device.load(source, *compiled);
  if (!loaded) return loaded.error();
  return ReadyKernel{kernel.entry, std::move(*loaded), compiled->registers, compiled->spill_bytes};
}

Result<void> run(Device& device, const ReadyKernel& kernel, const KernelArgs& args) {
  if (auto launched = kernel.loaded->launch(kernel.entry, args, nullptr); !launched) return launched;
  return device.synchronize(nullptr);
}

Result<double> time(Device& device, const ReadyKernel& kernel, const KernelArgs& args, bool cold, int count) {
  std::vector<double> seconds;
  for (int i = 0; i < count; ++i) {
    // Hot: the same data, which the ceilings of L2 and shared memory are about.
    auto sample = device.sample(*kernel.loaded, kernel.entry, args, cold, &args);
    if (!sample) return sample.error();
    seconds.push_back(sample->seconds);
  }
  return median(seconds);
}

}  // namespace fftconv::gpu_suite
