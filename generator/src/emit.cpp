// Chooses the backend by the configuration's engine.
#include <fmt/format.h>

#include "backend.h"
#include "backend_of.h"

namespace fftconv {

Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (auto valid = validate(problem); !valid) return valid;
  if (is_cuda(config) != runs_cuda(device)) {
    return unsupported(fmt::format("engine {} does not run on {} device {}; give {}", to_string(config.engine),
                                   to_string(device.kind), device.arch,
                                   runs_cuda(device) ? "one of the mma engines" : "engine vector"));
  }
  return is_cuda(config) ? cuda::check_legal(problem, config, device) : cpu::check_legal(problem, config, device);
}

Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (const auto legal = check_legal(problem, config, device); !legal) return legal.error();
  return is_cuda(config) ? cuda::emit(problem, config, device) : cpu::emit(problem, config, device);
}

Result<KernelSource> emit_partitioned(const Problem& problem, const KernelConfig& config, const DeviceFacts& device,
                                      std::int64_t partitions) {
  if (partitions < 1) return invalid("partitions is below 1: give L taps to each, and as many as hold the filter.");
  if (partitions == 1) return emit(problem, config, device);
  if (const auto legal = check_legal(problem, config, device); !legal) return legal.error();
  if (is_cuda(config)) return unsupported("Filters in partitions have no CUDA kernel yet: use the CPU device.");
  return cpu::emit(problem, config, device, partitions);
}

KernelCounts count(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  return is_cuda(config) ? cuda::count(problem, config, device) : cpu::count(problem, config, device);
}

}  // namespace fftconv
