// Geometry: how a config is spread over the device, and what a thread's registers are expected to be.
#pragma once

#include "cuda/layout.h"
#include "fftconv/device_facts.h"

namespace fftconv::cuda {

inline constexpr int SPECTRUM_BLOCKS = 256;  ///< at most; each takes one filter after another
inline constexpr int SPECTRUM_THREADS = 256;

struct Geometry {
  int grid_x = 1;         ///< channels
  int grid_y = 1;         ///< parts of the batch
  int blocks_per_sm = 1;  ///< that shared memory, threads and registers allow; the kernel's launch bound
  int registers = 0;      ///< a thread, estimated
  int spectrum_blocks = 1;
};

Geometry make_geometry(const Problem& problem, const KernelConfig& config, const Layout& layout,
                       const DeviceFacts& device);

}  // namespace fftconv::cuda
