// Relative closeness. doctest::Approx adds 1 to the scale of its epsilon, so that anything passes between small
// numbers.
#pragma once

#include <cmath>

namespace fftconv::test {

/// |a - b| <= tolerance |b|
inline bool near(double a, double b, double tolerance = 1e-9) { return std::fabs(a - b) <= tolerance * std::fabs(b); }

}  // namespace fftconv::test
