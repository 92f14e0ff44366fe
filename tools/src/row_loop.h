// Instructions that a kernel's machine code executes for one transform, from its loops.
#pragma once

#include <optional>

#include "fftconv/kernel_config.h"
#include "fftconv/llvm_component.h"

namespace fftconv::tools {

/// Instructions that one warp executes in one turn of the row loop, both sides of a forward branch included.
///
/// How often an inner loop turns is not in the machine code; it follows from the matrix products: the stages stand
/// in the order of the algorithm and what each must execute is known. Nothing where that does not come out even
/// (stages without products, idle warps, strategy l2).
std::optional<double> row_instructions(const CubinKernel& kernel, const KernelConfig& config);

/// The same as issue slots of a lane for one complex point.
std::optional<double> machine_slots_per_point(const CubinKernel& kernel, const KernelConfig& config);

}  // namespace fftconv::tools
