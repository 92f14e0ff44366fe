#include "fftconv/half.h"

#include <bit>

namespace fftconv {
namespace {

/// A 16-bit format of 1 sign, E exponent and F fraction bits; integer arithmetic alone, so that neither the rounding
/// mode nor a flush-to-zero flag of the host matters, and a double is rounded once.
template <int E, int F>
struct Format {
  static constexpr int bias = (1 << (E - 1)) - 1;
  static constexpr int max_exponent = (1 << E) - 1;

  static std::uint16_t round(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 63 << 15);
    const int exponent = static_cast<int>(bits >> 52 & 0x7ff);
    std::uint64_t fraction = bits & ((1ull << 52) - 1);
    constexpr std::uint16_t infinity = max_exponent << F;
    if (exponent == 0x7ff) {
      if (fraction == 0) return sign | infinity;
      constexpr std::uint16_t quiet = 1 << (F - 1);
      return sign | infinity | quiet | static_cast<std::uint16_t>(fraction >> (52 - F));
    }
    const int target = exponent - 1023 + bias;  // biased exponent in this format, if it is normal
    if (target >= max_exponent) return sign | infinity;
    if (target < -F) return sign;  // below half of the least subnormal (doubles that are subnormal end here too)
    fraction |= 1ull << 52;
    const int shift = 52 - F + (target < 1 ? 1 - target : 0);
    const std::uint64_t half = 1ull << (shift - 1);
    const std::uint64_t rest = fraction & ((1ull << shift) - 1);
    std::uint64_t kept = fraction >> shift;
    if (rest > half || (rest == half && (kept & 1))) ++kept;
    // A normal number's hidden bit adds one to the exponent field; a carry out of the fraction does as well.
    const std::uint64_t base = target < 1 ? 0 : static_cast<std::uint64_t>(target - 1) << F;
    return static_cast<std::uint16_t>(sign | (base + kept));
  }

  static double widen(std::uint16_t bits) {
    const std::uint64_t sign = static_cast<std::uint64_t>(bits >> 15) << 63;
    const int exponent = bits >> F & max_exponent;
    const std::uint64_t fraction = bits & ((1u << F) - 1);
    if (exponent == max_exponent) return std::bit_cast<double>(sign | 0x7ffull << 52 | fraction << (52 - F));
    if (exponent == 0) {
      constexpr double least = std::bit_cast<double>(static_cast<std::uint64_t>(1023 + 1 - bias - F) << 52);
      const double magnitude = static_cast<double>(fraction) * least;
      return sign ? -magnitude : magnitude;
    }
    return std::bit_cast<double>(sign | static_cast<std::uint64_t>(exponent - bias + 1023) << 52 |
                                 fraction << (52 - F));
  }
};

using F16 = Format<5, 10>;
using BF16 = Format<8, 7>;

}  // namespace

std::uint16_t to_f16(double value) { return F16::round(value); }
double from_f16(std::uint16_t bits) { return F16::widen(bits); }
std::uint16_t to_bf16(double value) { return BF16::round(value); }
double from_bf16(std::uint16_t bits) { return BF16::widen(bits); }

}  // namespace fftconv
