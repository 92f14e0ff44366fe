// The fp64 reference of frequency-sparse problems, from spectra: O(M log M).
#pragma once

#include <span>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv {

/// As reference_row() of a problem that is_sparse().
std::vector<double> sparse_reference_row(const Problem& problem, std::span<const double> u,
                                         std::span<const double> k);

}  // namespace fftconv
