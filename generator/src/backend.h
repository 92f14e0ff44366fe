// What each kind of emitter gives the rest of the generator. emit.cpp and search_space.cpp choose by engine and
// device.
#pragma once

#include <vector>

#include "fftconv/kernel_counts.h"
#include "fftconv/kernel_source.h"

namespace fftconv::cuda {  // devices cuda and sim; engines mma_*
Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);
Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);
std::vector<KernelConfig> candidates(const Problem& problem, const DeviceFacts& device);
Result<KernelConfig> default_config(const Problem& problem, const DeviceFacts& device);
KernelCounts count(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);
}  // namespace fftconv::cuda

namespace fftconv::cpu {  // devices cpu and fake; engine vector
Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);
Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device,
                          std::int64_t partitions = 1);
std::vector<KernelConfig> candidates(const Problem& problem, const DeviceFacts& device);
Result<KernelConfig> default_config(const Problem& problem, const DeviceFacts& device);
KernelCounts count(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);
}  // namespace fftconv::cpu
