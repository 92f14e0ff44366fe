// The problems on which the family is checked against fp64.
#pragma once

#include <vector>

#include "fftconv/problem.h"

namespace fftconv::gpu_suite {

/// Most important first: where time runs out, the last are left out.
std::vector<Problem> correctness_problems();

}  // namespace fftconv::gpu_suite
