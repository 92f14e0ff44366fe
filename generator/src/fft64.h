// Linear convolution by an fp64 FFT: the reference's way through long rows.
#pragma once

#include <span>
#include <vector>

namespace fftconv {

/// p[q] = sum over i + j = q of a[i] b[j]; relative L2 error near 1e-15 log2(size), whatever the scales of a and b.
std::vector<double> fft64_product(std::span<const double> a, std::span<const double> b);

}  // namespace fftconv
