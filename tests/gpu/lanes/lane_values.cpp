#include "lanes/lane_values.h"

#include <bit>
#include <cmath>
#include <limits>

#include "fftconv/half.h"

namespace fftconv::lanes {
namespace {

/// a b + c rounded to odd, where a b is exact in fp64: a later rounding to fewer bits is then the only one that
/// counts.
double fma_to_odd(double a, double b, double c) {
  const double product = a * b;
  const double sum = product + c;
  if (!std::isfinite(sum)) return sum;
  const double part = sum - product;
  const double rest = (product - (sum - part)) + (c - part);
  if (rest == 0 || (std::bit_cast<std::uint64_t>(sum) & 1)) return sum;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return std::nextafter(sum, rest > 0 ? infinity : -infinity);
}

}  // namespace

float as_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t as_bits(float value) { return std::bit_cast<std::uint32_t>(value); }

std::uint16_t fma_f16(std::uint16_t a, std::uint16_t b, std::uint16_t c) {
  return to_f16(fma_to_odd(from_f16(a), from_f16(b), from_f16(c)));
}

std::uint16_t fma_bf16(std::uint16_t a, std::uint16_t b, std::uint16_t c) {
  return to_bf16(fma_to_odd(from_bf16(a), from_bf16(b), from_bf16(c)));
}

bool is_nan_f16(std::uint16_t bits) { return (bits & 0x7fff) > 0x7c00; }
bool is_nan_bf16(std::uint16_t bits) { return (bits & 0x7fff) > 0x7f80; }

}  // namespace fftconv::lanes
