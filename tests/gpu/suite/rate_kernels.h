// Loops of one kind of instruction, timed in cycles of one multiprocessor and in seconds of the whole device.
#pragma once

#include <string>
#include <vector>

#include "suite/gpu.h"

namespace fftconv::gpu_suite {

struct RateKernel {
  std::string name;
  std::string setup;  ///< declares what the loop works on; `seed(i)` gives random words
  std::string body;   ///< one round
  std::string sink;   ///< an expression of type vu that uses every result
  int per_round = 1;  ///< warp-level instructions of interest in a round
  double work = 0;    ///< flops or bytes of one of them
  std::string unit;   ///< "flop" or "byte", empty: instructions only
  std::string fact;   ///< name in DeviceFacts of what the best variant gives
  int warps = 8;      ///< of a block; one block runs on a multiprocessor
  int shared_bytes = 0;
};

/// Variants of one ceiling: same instruction, more or less of it in flight.
struct RateGroup {
  std::string name;
  std::vector<RateKernel> variants;
};

std::vector<RateGroup> rate_groups();

SmallKernel small_kernel(const RateKernel& kernel, int sm_count);

}  // namespace fftconv::gpu_suite
