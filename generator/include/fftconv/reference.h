// The fp64 reference that every result is compared with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv {

/// One row: y[n] = sum over taps j of k[j] u[n - lag_j], in fp64, with the lags, the direction and the mode of
/// `problem` (gates and skip are not applied). Direct sums for short rows, an fp64 FFT of its own for long ones. Of a
/// frequency-sparse problem the masked spectra, as fftconv/sparsity.h says.
/// `u` has seqlen samples (dy for backward_input), `k` filter_len taps; returns seqlen samples.
/// For backward_filter `k` is dy, seqlen samples, and one row's share of dk is returned, filter_len taps.
std::vector<double> reference_row(const Problem& problem, std::span<const double> u, std::span<const double> k);

/// ||a - b|| / ||b||; NaN or infinity anywhere in `a` gives infinity; b = 0 gives ||a||.
double relative_l2_error(std::span<const double> a, std::span<const double> b);

}  // namespace fftconv
