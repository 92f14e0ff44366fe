// The candidates for a problem on a device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fftconv/device_facts.h"
#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv {

/// Supported transform lengths at or above `seqlen` as lists of radices for order p = 2, 3, 4 (CUDA engines).
/// Radices that are multiples of 16 run on tensor cores; 2, 3, 4, 5, 8 are left-overs on CUDA cores and stand first.
std::vector<std::vector<int>> factorisations(std::int64_t seqlen, int order);

struct SearchSpace {
  std::vector<KernelConfig> configs;  ///< legal ones, in a fixed order
  struct Refusal {
    std::string reason;
    int count = 0;
  };
  std::vector<Refusal> refused;  ///< how many were left out, by reason
};

/// All legal candidates for `problem` on `device`; empty with reasons where nothing can compute it.
SearchSpace search_space(const Problem& problem, const DeviceFacts& device);

/// The plain default: legal wherever anything is, chosen by a fixed rule without model or measurement.
Result<KernelConfig> default_config(const Problem& problem, const DeviceFacts& device);

}  // namespace fftconv
