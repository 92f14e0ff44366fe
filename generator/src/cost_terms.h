// The parts of the cost model that need no emitter: counts in, seconds out.
#pragma once

#include "fftconv/cost_model.h"
#include "fftconv/kernel_counts.h"

namespace fftconv {

Cost predict_cuda(const KernelCounts& counts, const KernelConfig& config, const DeviceFacts& device);
Cost predict_cpu(const KernelCounts& counts, const KernelConfig& config, const DeviceFacts& device);

/// Share of the smaller resources' time that the largest one does not hide, 0.05 … 1, with `warps` resident warps in
/// `blocks` resident blocks. Static figures of a Hopper kernel: two blocks of 8 warps reach 1.00 to 1.17 of the
/// floor, no overlap at all costs 3.5 times as much. An assumption until measurements replace it.
double exposed_share(int warps, int blocks, int depth);

}  // namespace fftconv
