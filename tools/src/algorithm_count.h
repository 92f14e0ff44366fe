// What the algorithm asks for and what the hardware allows, independent of any emitter.
#pragma once

#include <cstdint>

#include "fftconv/compiled_kernel.h"
#include "fftconv/device_facts.h"
#include "fftconv/kernel_config.h"
#include "fftconv/kernel_source.h"
#include "fftconv/problem.h"

namespace fftconv::tools {

/// Real m16n8k16 products of the transforms of all rows: for each digit of N points (a multiple of 16), forward and
/// inverse, four real N x N by N x (M / N) products; two for the outermost digit of real rows, whose input is real
/// and of whose output the real part is wanted. A digit of 2, 4 or 8 points takes one block of 16 for 8, 4 or 2
/// transforms; one of 3 or 5 points takes none. Times three where values are split in two. 0 for the CPU's engine.
double algorithm_products(const Problem& problem, const KernelConfig& config);

/// Those of one digit of one transform, in one direction.
double digit_products(const KernelConfig& config, std::size_t digit);

/// Rows times transform length, half of it where two rows ride in one transform.
double complex_points(const Problem& problem, const KernelConfig& config);

/// Issue slots of a lane and shared-memory bytes that a complex point may cost where device memory is the bound
/// (H200: 27.6 each for real rows, twice that where two rows ride in one transform). 0 for a CPU.
struct PointBudget {
  double slots = 0;
  double shared_bytes = 0;
};
PointBudget point_budget(const Problem& problem, const KernelConfig& config, const DeviceFacts& facts);

/// Blocks of the convolution that one SM holds, by each resource; the smallest counts.
struct Occupancy {
  int by_registers = 0, by_shared = 0, by_warps = 0;
  int blocks = 0;
  double warps_share = 0;  ///< resident warps over the most that an SM holds, 0 … 1
};
Occupancy occupancy(const KernelSource& source, const CompiledKernel& kernel, const DeviceFacts& facts);

}  // namespace fftconv::tools
