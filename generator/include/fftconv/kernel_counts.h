// KernelCounts: what one launch of the convolution entry does, counted from (problem, config) without emitting.
#pragma once

#include <cstdint>

#include "fftconv/device_facts.h"
#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv {

/// Totals over the whole launch, all blocks.
struct KernelCounts {
  double mma = 0;             ///< warp-level m16n8k16 products (CUDA)
  double flops = 0;           ///< fp32 operations on general units (CPU: all; CUDA: left-over radices)
  double arithmetic = 0;      ///< CPU: vector instructions that compute, a multiply-add being one
  double instructions = 0;    ///< warp-level issue slots (CPU: vector instructions)
  double shared_bytes = 0;    ///< shared-memory traffic (CPU: traffic to and from L1)
  double memory_bytes = 0;    ///< device memory, each input and output once, spectrum once a block group
  double l2_bytes = 0;        ///< tables and spectrum read again from L2
  double complex_points = 0;  ///< rows x transform length (half of it where two rows ride in one transform)
  int threads = 0;            ///< of a block
  std::int64_t blocks = 0;
  std::int64_t shared_per_block = 0;
  bool shared = false;  ///< CPU: threads that have no block left share one
  int registers = 0;    ///< a thread, estimated
};

KernelCounts count(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

}  // namespace fftconv
