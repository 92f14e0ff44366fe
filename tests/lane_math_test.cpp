// Arithmetic of the simulated lanes: every half, the plain and the AVX2 version, one rounding.
#include "sim/lane_math.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "fftconv/half.h"

using namespace fftconv;
using sim::lane_math;
using sim::lane_math_avx2;
using sim::lane_math_generic;
using sim::LaneMath;
using sim::MmaKind;

namespace {

using Words = std::vector<std::uint32_t>;

std::vector<const LaneMath*> versions() {
  std::vector<const LaneMath*> list = {&lane_math_generic()};
  if (lane_math_avx2()) list.push_back(lane_math_avx2());
  return list;
}

Words random_words(std::size_t size, std::uint32_t seed) {
  std::mt19937 generator(seed);
  Words values(size);
  for (auto& value : values) value = static_cast<std::uint32_t>(generator());
  return values;
}

bool is_nan16(std::uint32_t half) { return (half & 0x7fffu) > 0x7c00u; }
bool is_nan_bf16(std::uint32_t half) { return (half & 0x7fffu) > 0x7f80u; }

bool same_f16(std::uint32_t a, std::uint32_t b) { return a == b || (is_nan16(a) && is_nan16(b)); }

int size_of(const Words& words) { return static_cast<int>(words.size()); }

}  // namespace

TEST_CASE("every half widens exactly and narrows back") {
  for (const LaneMath* math : versions()) {
    int wrong = 0;
    for (std::uint32_t half = 0; half < 0x10000u; ++half) {
      const std::uint32_t word = half | half << 16;
      float low = 0, high = 0;
      math->unpack_f16(&low, &word, 0, 1);
      math->unpack_f16(&high, &word, 16, 1);
      const double expected = from_f16(static_cast<std::uint16_t>(half));
      if (std::isnan(expected)) {
        wrong += !std::isnan(low) || !std::isnan(high);
        continue;
      }
      wrong += low != expected || high != expected;
      std::uint32_t back = 0;
      math->pack_f16x2(&back, &low, &high, 1);
      wrong += back != word;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("floats round to the nearest half and bfloat, ties to even, at every kind of edge") {
  std::vector<float> values;
  for (std::uint32_t half = 0; half < 0x7c00u; half += 7) {
    const auto below = static_cast<float>(from_f16(static_cast<std::uint16_t>(half)));
    const auto above =
        static_cast<float>(half + 1 == 0x7c00u ? 65536.0 : from_f16(static_cast<std::uint16_t>(half + 1)));
    const float middle = below + (above - below) / 2;
    for (float value : {below, middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e30f)}) {
      values.push_back(value);
      values.push_back(-value);
    }
  }
  for (std::uint32_t bits : random_words(20000, 4)) values.push_back(std::bit_cast<float>(bits));
  values.push_back(65519.996f);
  values.push_back(65520.0f);
  values.push_back(INFINITY);
  for (const LaneMath* math : versions()) {
    int wrong = 0;
    for (float value : values) {
      std::uint32_t f16 = 0, bf16 = 0;
      math->pack_f16x2(&f16, &value, &value, 1);
      math->pack_bf16x2(&bf16, &value, &value, 1);
      if (std::isnan(value)) {
        wrong += !is_nan16(f16 & 0xffffu) || !is_nan_bf16(bf16 & 0xffffu);
        continue;
      }
      wrong += (f16 & 0xffffu) != to_f16(value) || f16 >> 16 != to_f16(value);
      wrong += (bf16 & 0xffffu) != to_bf16(value) || bf16 >> 16 != to_bf16(value);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("packed fp16 arithmetic rounds once") {
  // The sum of an exact product and a half fits 64 bits of mantissa wherever a tie can be decided: long double is
  // exact enough to judge one rounding, where fp32 in between is not.
  const Words a = random_words(20000, 31), b = random_words(20000, 32), c = random_words(20000, 33);
  const auto half = [](std::uint32_t word, int index) {
    return from_f16(static_cast<std::uint16_t>(word >> 16 * index));
  };
  for (const LaneMath* math : versions()) {
    Words sum(a.size()), product(a.size()), fused(a.size());
    math->f16x2_add(sum.data(), a.data(), b.data(), size_of(a));
    math->f16x2_mul(product.data(), a.data(), b.data(), size_of(a));
    math->f16x2_fma(fused.data(), a.data(), b.data(), c.data(), size_of(a));
    int wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (int h = 0; h < 2; ++h) {
        const double x = half(a[i], h), y = half(b[i], h), z = half(c[i], h);
        wrong += !same_f16(sum[i] >> 16 * h & 0xffffu, to_f16(x + y));
        wrong += !same_f16(product[i] >> 16 * h & 0xffffu, to_f16(x * y));
        wrong += !same_f16(fused[i] >> 16 * h & 0xffffu, to_f16(x * y + z));
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a fused multiply-add does not round twice") {
  const std::uint32_t one = to_f16(1.0), next = to_f16(1.0 + 0x1p-10), tiny = to_f16(0x1p-24);
  const std::uint32_t half_step = to_f16(0x1p-11);
  for (const LaneMath* math : versions()) {
    // 1 * 2^-11 + 1 is a tie and goes to even, 1.
    std::uint32_t d = 0;
    math->f16x2_fma(&d, &one, &half_step, &one, 1);
    CHECK((d & 0xffffu) == one);
    // (1 + 2^-10) * 2^-11 + 1 lies above the tie by 2^-21 and goes up.
    math->f16x2_fma(&d, &next, &half_step, &one, 1);
    CHECK((d & 0xffffu) == next);
    const std::uint32_t a = to_f16(1025.0), b = to_f16(2.0 + 0x1p-9), c = tiny;
    math->f16x2_fma(&d, &a, &b, &c, 1);
    CHECK((d & 0xffffu) == to_f16(1025.0 * (2.0 + 0x1p-9) + 0x1p-24));
    // 3 * 683 = 2049 is a tie between 2048 and 2050: to even without, up with a subnormal that 24 bits lose.
    const std::uint32_t x = to_f16(683.0), three = to_f16(3.0);
    const std::uint32_t zero = 0;
    math->f16x2_fma(&d, &x, &three, &zero, 1);
    CHECK((d & 0xffffu) == to_f16(2048.0));
    math->f16x2_fma(&d, &x, &three, &tiny, 1);
    CHECK((d & 0xffffu) == to_f16(2050.0));
  }
}

TEST_CASE("packed bfloat fused multiply-add rounds once") {
  const Words a = random_words(20000, 41), b = random_words(20000, 42), c = random_words(20000, 43);
  for (const LaneMath* math : versions()) {
    Words fused(a.size());
    math->bf16x2_fma(fused.data(), a.data(), b.data(), c.data(), size_of(a));
    int wrong = 0, compared = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double x = from_bf16(static_cast<std::uint16_t>(a[i]));
      const double y = from_bf16(static_cast<std::uint16_t>(b[i]));
      const double z = from_bf16(static_cast<std::uint16_t>(c[i]));
      // Products below fp32's normal range are not exact in it: the simulation does not promise those.
      if (!(std::fabs(x * y) > 0x1p-100) || !(std::fabs(x * y) < 0x1p120) || !std::isfinite(z)) continue;
      ++compared;
      // What fp64 loses of the sum still decides a tie.
      const double product = x * y, sum = product + z, part = sum - product;
      const double lost = (product - (sum - part)) + (z - part);
      const bool even = std::bit_cast<std::uint64_t>(sum) % 2 == 0;
      const double nudged = lost == 0 || !even ? sum : std::nextafter(sum, lost > 0 ? INFINITY : -INFINITY);
      wrong += (fused[i] & 0xffffu) != to_bf16(nudged);
    }
    CHECK(compared > 5000);
    CHECK(wrong == 0);
  }
}

TEST_CASE("the plain and the AVX2 version give the same bits") {
  if (!lane_math_avx2()) {
    MESSAGE("skipped: this processor has no AVX2");
    return;
  }
  for (const MmaKind kind : {MmaKind::f16_f16, MmaKind::f16_f32, MmaKind::bf16_f32}) {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
      Words operands = random_words(6 * 32, seed);
      for (auto& word : operands)
        word &= 0xbfffbfffu;  // neither infinite nor NaN: a NaN's payload is nobody's promise
      Words first = random_words(4 * 32, seed + 1000);
      for (auto& word : first) word &= 0xbfffbfffu;
      Words second = first;
      lane_math_generic().mma(kind, first.data(), operands.data(), operands.data() + 128, operands.data() + 160);
      lane_math_avx2()->mma(kind, second.data(), operands.data(), operands.data() + 128, operands.data() + 160);
      if (first != second) CHECK_MESSAGE(first == second, "seed " << seed);
    }
  }
}
