// How many blocks of a kernel one multiprocessor holds.
#pragma once

#include "fftconv/kernel_counts.h"

namespace fftconv {

struct Occupancy {
  int blocks = 0;          ///< resident blocks a multiprocessor; 0 where not even one fits
  int warps = 0;           ///< resident warps
  double fraction = 0;     ///< of the most warps it can hold
  const char* limit = "";  ///< "warps", "registers", "shared memory" or "blocks"
};

Occupancy occupancy(const KernelCounts& counts, const DeviceFacts& device);

}  // namespace fftconv
