// The functions that compiled kernels call (declared to them in templates/sim/prelude_common.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace fftconv::sim {

/// Name and address of every helper, for the linker.
const std::vector<std::pair<std::string, void*>>& helper_symbols();

}  // namespace fftconv::sim
