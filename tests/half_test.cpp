#include "fftconv/half.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>

using namespace fftconv;

namespace {

/// The value of 16 bits by the definition of the formats, with nothing but ldexp.
double by_definition(unsigned bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const unsigned fraction = bits & ((1u << fraction_bits) - 1);
  const int exponent = static_cast<int>(bits >> fraction_bits & ((1u << exponent_bits) - 1));
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1u << fraction_bits), exponent - bias - fraction_bits);
}

struct Format {
  const char* name;
  int exponent_bits, fraction_bits;
  unsigned infinity;
  std::uint16_t (*round)(double);
  double (*widen)(std::uint16_t);
};

constexpr Format formats[] = {{"f16", 5, 10, 0x7c00, to_f16, from_f16}, {"bf16", 8, 7, 0x7f80, to_bf16, from_bf16}};

}  // namespace

TEST_CASE("every finite 16-bit value has the value of its definition, and rounds to itself") {
  for (const Format& f : formats) {
    CAPTURE(f.name);
    int wrong = 0;
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
      if ((bits & 0x7fff) >= f.infinity) continue;
      const double value = f.widen(static_cast<std::uint16_t>(bits));
      wrong += value != by_definition(bits, f.exponent_bits, f.fraction_bits);
      wrong += std::signbit(value) != (bits >> 15 != 0);
      wrong += f.round(value) != bits;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("midpoints round to even and their neighbours to the nearer value") {
  for (const Format& f : formats) {
    CAPTURE(f.name);
    int wrong = 0;
    for (unsigned low = 0; low + 1 < f.infinity; ++low) {
      const unsigned high = low + 1;
      const double middle = (by_definition(low, f.exponent_bits, f.fraction_bits) +
                             by_definition(high, f.exponent_bits, f.fraction_bits)) /
                            2;
      const unsigned even = low % 2 == 0 ? low : high;
      for (const unsigned sign : {0u, 0x8000u}) {
        const double s = sign ? -1 : 1;
        wrong += f.round(s * middle) != (sign | even);
        wrong += f.round(s * std::nextafter(middle, 0.0)) != (sign | low);
        wrong += f.round(s * std::nextafter(middle, HUGE_VAL)) != (sign | high);
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("values at and beyond half an ulp above the greatest become infinity") {
  for (const Format& f : formats) {
    CAPTURE(f.name);
    const double greatest = by_definition(f.infinity - 1, f.exponent_bits, f.fraction_bits);
    const double ulp = greatest - by_definition(f.infinity - 2, f.exponent_bits, f.fraction_bits);
    CHECK(f.round(std::nextafter(greatest + ulp / 2, 0.0)) == f.infinity - 1);
    CHECK(f.round(greatest + ulp / 2) == f.infinity);
    CHECK(f.round(std::numeric_limits<double>::max()) == f.infinity);
    CHECK(f.round(-HUGE_VAL) == (0x8000u | f.infinity));
    CHECK(std::isinf(f.widen(static_cast<std::uint16_t>(f.infinity))));
    CHECK(f.widen(static_cast<std::uint16_t>(0x8000u | f.infinity)) < 0);
  }
}

TEST_CASE("every NaN stays a NaN both ways") {
  for (const Format& f : formats) {
    CAPTURE(f.name);
    int wrong = 0;
    for (unsigned bits = f.infinity + 1; bits < 0x8000; ++bits) {
      for (const unsigned sign : {0u, 0x8000u}) {
        const double value = f.widen(static_cast<std::uint16_t>(sign | bits));
        const unsigned back = f.round(value);
        wrong += !std::isnan(value) || (back & 0x7fff) <= f.infinity || (back & 0x8000) != sign;
      }
    }
    CHECK(wrong == 0);
    CHECK((f.round(std::numeric_limits<double>::quiet_NaN()) & 0x7fff) > f.infinity);
    // Its payload lies below what 16 bits hold: dropping it must not leave an infinity.
    CHECK((f.round(std::bit_cast<double>(0x7ff0000000000001)) & 0x7fff) > f.infinity);
  }
}

TEST_CASE("what is below half of the least subnormal becomes a zero of the same sign") {
  for (const Format& f : formats) {
    CAPTURE(f.name);
    const double least = by_definition(1, f.exponent_bits, f.fraction_bits);
    CHECK(f.round(least / 2) == 0);  // a tie, and zero is even
    CHECK(f.round(std::nextafter(least / 2, 1.0)) == 1);
    CHECK(f.round(-least / 4) == 0x8000);
    CHECK(f.round(std::numeric_limits<double>::denorm_min()) == 0);
    CHECK(f.round(-0.0) == 0x8000);
  }
}

TEST_CASE("a double is rounded once, not by way of fp32") {
  // 1 + 2^-11 + 2^-40 is above the midpoint; fp32 would drop the last bit and then round to even, down to 1.
  CHECK(to_f16(1 + std::ldexp(1, -11) + std::ldexp(1, -40)) == 0x3c01);
  CHECK(to_bf16(1 + std::ldexp(1, -8) + std::ldexp(1, -40)) == 0x3f81);
}
