// fp64 FFTs of the reference: linear convolution of long rows, and spectra of the right-angle transform.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace fftconv {

/// p[q] = sum over i + j = q of a[i] b[j]; relative L2 error near 1e-15 log2(size), whatever the scales of a and b.
std::vector<double> fft64_product(std::span<const double> a, std::span<const double> b);

struct Complex64 {
  double re = 0;
  double im = 0;
};
inline Complex64 operator*(Complex64 a, Complex64 b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
inline Complex64 operator+(Complex64 a, Complex64 b) { return {a.re + b.re, a.im + b.im}; }
inline Complex64 operator-(Complex64 a, Complex64 b) { return {a.re - b.re, a.im - b.im}; }
inline Complex64 conj(Complex64 a) { return {a.re, -a.im}; }

/// X[r(f)] = sum over n of x[n] exp(-2 pi i (1/4 + f) n / size), where r turns the log2(size) bits of f round. `size`
/// is a power of two from 2 on, x no longer than that.
std::vector<Complex64> right_angle_spectrum(std::span<const double> x, std::size_t size);
/// The real part of the way back: of sum over f of X[r(f)] exp(2 pi i (1/4 + f) n / size) / size.
std::vector<double> right_angle_inverse(std::vector<Complex64> spectrum);

}  // namespace fftconv
