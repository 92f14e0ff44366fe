// Room between the root's parts in a worker's scratch.
#pragma once

#include <cstdint>

#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv::cpu {

/// Blocks (vectors of real parts, then of imaginary ones) between one child of the root and the next. 0 but where
/// children are whole pages: their blocks would share the last twelve bits of their addresses, so that the root's
/// stores compete for the same places of the first cache, and loads wait for stores that they have nothing to do
/// with. Measured at L = 4096: 5 % of the whole convolution; beyond a few pages nothing (a level below walks them by
/// lesser strides, and the copy to and from memory hides it).
std::int64_t root_gap(const Problem& problem, const KernelConfig& config);

}  // namespace fftconv::cpu
