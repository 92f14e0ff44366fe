#include "fft64.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace fftconv {
namespace {

using Complex = Complex64;

/// exp(-2 pi i j / n) for j < n / 2. Products of two short tables: one more rounding, far fewer sines.
std::vector<Complex> roots(std::size_t n) {
  const std::size_t half = n / 2;
  const std::size_t fine = std::size_t{1} << (std::bit_width(half) / 2);
  const auto root = [n](std::size_t j) {
    const double angle = -2 * std::numbers::pi * (static_cast<double>(j) / static_cast<double>(n));
    return Complex{std::cos(angle), std::sin(angle)};
  };
  std::vector<Complex> low(fine), table(half);
  for (std::size_t j = 0; j < fine; ++j) low[j] = root(j);
  for (std::size_t j = 0; j < half; j += fine) {
    const Complex high = root(j);
    for (std::size_t i = 0; i < fine && j + i < half; ++i) table[j + i] = high * low[i];
  }
  return table;
}

/// Decimation in frequency: natural order in, bit-reversed order out.
void forward(std::vector<Complex>& x, const std::vector<Complex>& w) {
  const std::size_t n = x.size();
  for (std::size_t half = n / 2, stride = 1; half >= 1; half /= 2, stride *= 2) {
    for (std::size_t base = 0; base < n; base += 2 * half) {
      for (std::size_t j = 0; j < half; ++j) {
        const Complex a = x[base + j], b = x[base + j + half];
        x[base + j] = a + b;
        x[base + j + half] = (a - b) * w[j * stride];
      }
    }
  }
}

/// Decimation in time: bit-reversed order in, natural order out, not scaled.
void inverse(std::vector<Complex>& x, const std::vector<Complex>& w) {
  const std::size_t n = x.size();
  for (std::size_t half = 1, stride = n / 2; half < n; half *= 2, stride /= 2) {
    for (std::size_t base = 0; base < n; base += 2 * half) {
      for (std::size_t j = 0; j < half; ++j) {
        const Complex a = x[base + j], b = x[base + j + half] * conj(w[j * stride]);
        x[base + j] = a + b;
        x[base + j + half] = a - b;
      }
    }
  }
}

double norm(std::span<const double> x) {
  double largest = 0, sum = 0;
  for (const double value : x) largest = std::fmax(largest, std::fabs(value));
  if (largest == 0 || !std::isfinite(largest)) return largest;
  for (const double value : x) sum += (value / largest) * (value / largest);
  return largest * std::sqrt(sum);
}

}  // namespace

std::vector<double> fft64_product(std::span<const double> a, std::span<const double> b) {
  const std::size_t size = a.size() + b.size() - 1;
  std::vector<double> p(size);
  // Both rows ride in one transform, each at norm one, so that neither's rounding error drowns the other.
  const double norm_a = norm(a), norm_b = norm(b);
  if (norm_a == 0 || norm_b == 0) return p;
  const std::size_t n = std::bit_ceil(std::max<std::size_t>(size, 2));
  const auto w = roots(n);
  std::vector<Complex> z(n);
  for (std::size_t i = 0; i < a.size(); ++i) z[i].re = a[i] / norm_a;
  for (std::size_t i = 0; i < b.size(); ++i) z[i].im = b[i] / norm_b;
  forward(z, w);
  // A = (Z + conj Z')/2, B = (Z - conj Z')/(2i), Z' at the negative frequency: in bit-reversed order, all bits below
  // the highest one turned over.
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = i ? i ^ (std::bit_floor(i) - 1) : 0;
    if (j < i) continue;
    const Complex zi = z[i], zj = conj(z[j]);
    const Complex sum = zi + zj, difference = zi - zj;
    const Complex product = sum * Complex{difference.im, -difference.re};
    z[i] = {product.re / 4, product.im / 4};
    z[j] = conj(z[i]);
  }
  inverse(z, w);
  const double scale = norm_a / static_cast<double>(n) * norm_b;
  for (std::size_t i = 0; i < size; ++i) p[i] = z[i].re * scale;
  return p;
}

std::vector<Complex64> right_angle_spectrum(std::span<const double> x, std::size_t size) {
  const std::vector<Complex> quarter = roots(4 * size);  // exp(-2 pi i n / (4 size)) turns by the quarter of a step
  std::vector<Complex> z(size);
  for (std::size_t n = 0; n < x.size(); ++n) z[n] = quarter[n] * Complex{x[n], 0};
  forward(z, roots(size));
  return z;
}

std::vector<double> right_angle_inverse(std::vector<Complex64> z) {
  const std::size_t size = z.size();
  const std::vector<Complex> quarter = roots(4 * size);
  inverse(z, roots(size));
  std::vector<double> x(size);
  for (std::size_t n = 0; n < size; ++n) {
    x[n] = (z[n] * conj(quarter[n])).re / static_cast<double>(size);
  }
  return x;
}

}  // namespace fftconv
