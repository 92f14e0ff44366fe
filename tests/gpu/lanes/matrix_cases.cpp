// Matrix products m16n8k16 against exact sums of exact products.
#include <fmt/format.h>

#include <cmath>

#include "fftconv/half.h"
#include "lanes/lane_case.h"
#include "lanes/lane_values.h"

namespace fftconv::lanes {
namespace {

enum class Kind { f16_f16, f16_f32, bf16_f32 };

const char* name_of(Kind kind) {
  return kind == Kind::f16_f16 ? "mma_f16_f16" : kind == Kind::f16_f32 ? "mma_f16_f32" : "mma_bf16_f32";
}
int accumulators(Kind kind) { return kind == Kind::f16_f16 ? 2 : 4; }

double operand(Kind kind, std::uint16_t bits) { return kind == Kind::bf16_f32 ? from_bf16(bits) : from_f16(bits); }

/// D = A B + D with exact products, summed in fp64 and rounded once. Words: 0 … 3 a, 4 and 5 b, 6 … d.
void expect_product(Kind kind, Block& block) {
  double a[16][16], b[16][8], d[16][8], size[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int e = 0; e < 2; ++e) {
      const auto half = [&](int word) {
        const std::uint32_t bits = block.in.at(word, lane);
        return operand(kind, e ? high(bits) : low(bits));
      };
      a[g][2 * t + e] = half(0);
      a[g + 8][2 * t + e] = half(1);
      a[g][2 * t + 8 + e] = half(2);
      a[g + 8][2 * t + 8 + e] = half(3);
      b[2 * t + e][g] = half(4);
      b[2 * t + 8 + e][g] = half(5);
      for (int r = 0; r < 2; ++r) {
        d[g + 8 * r][2 * t + e] =
            kind == Kind::f16_f16 ? half(6 + r) : static_cast<double>(as_float(block.in.at(6 + 2 * r + e, lane)));
      }
    }
  }
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      double sum = d[row][column], magnitude = std::abs(sum);
      for (int k = 0; k < 16; ++k) {
        sum += a[row][k] * b[k][column];
        magnitude += std::abs(a[row][k] * b[k][column]);
      }
      d[row][column] = sum;
      size[row][column] = magnitude;
    }
  }
  const int halves = kind == Kind::f16_f16 ? 2 : 1;
  block.magnitude.resize(block.out.data.size() * static_cast<std::size_t>(halves));
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int r = 0; r < 2; ++r) {
      const double(&row)[8] = d[g + 8 * r];
      const double(&row_size)[8] = size[g + 8 * r];
      if (kind == Kind::f16_f16) {
        block.out.at(r, lane) = pair(to_f16(row[2 * t]), to_f16(row[2 * t + 1]));
      } else {
        for (int e = 0; e < 2; ++e) block.out.at(2 * r + e, lane) = as_bits(static_cast<float>(row[2 * t + e]));
      }
      for (int e = 0; e < 2; ++e) {
        const int flat = kind == Kind::f16_f16 ? 2 * (r * 32 + lane) + e : (2 * r + e) * 32 + lane;
        block.magnitude[static_cast<std::size_t>(flat)] = row_size[2 * t + e];
      }
    }
  }
}

LaneCase product(Kind kind, const std::string& what, Draw draw, Compare compare) {
  LaneCase made;
  made.name = fmt::format("{}, {}", name_of(kind), what);
  made.words_in = 6 + accumulators(kind);
  made.words_out = accumulators(kind);
  made.grid = {128, 1, 1};
  made.draw = draw;
  made.compare = compare;
  made.body = "  vu a[4] = {in_word(0), in_word(1), in_word(2), in_word(3)};\n";
  if (kind == Kind::f16_f16) {
    made.body += fmt::format(
        "  vu d[2] = {{in_word(6), in_word(7)}};\n  {}(d, a, in_word(4), in_word(5));\n"
        "  out_word(0, d[0]);\n  out_word(1, d[1]);\n",
        name_of(kind));
  } else {
    made.body += fmt::format(
        "  vf d[4] = {{as_float(in_word(6)), as_float(in_word(7)), as_float(in_word(8)), as_float(in_word(9))}};\n"
        "  {}(d, a, in_word(4), in_word(5));\n"
        "  out_word(0, as_uint(d[0]));\n  out_word(1, as_uint(d[1]));\n"
        "  out_word(2, as_uint(d[2]));\n  out_word(3, as_uint(d[3]));\n",
        name_of(kind));
  }
  made.expect = [kind](Block& block) { expect_product(kind, block); };
  return made;
}

/// fp32 accumulators are drawn as packed halves: give them values of their kind.
void set_accumulators(Kind kind, Block& block, bool zero) {
  for (int i = 0; i < accumulators(kind); ++i) {
    for (int lane = 0; lane < 32; ++lane) {
      std::uint32_t& word = block.in.at(6 + i, lane);
      if (zero) {
        word = 0;
      } else if (kind != Kind::f16_f16) {
        word = as_bits(static_cast<float>(operand(kind, low(word))));
      }
    }
  }
}

}  // namespace

std::vector<LaneCase> matrix_cases() {
  std::vector<LaneCase> cases;
  for (const Kind kind : {Kind::f16_f16, Kind::f16_f32, Kind::bf16_f32}) {
    const bool bf16 = kind == Kind::bf16_f32;
    const auto with_accumulators = [kind](bool zero) {
      return [kind, zero](Block& block) { set_accumulators(kind, block, zero); };
    };
    // Every sum is an integer below 2048: one wrong index shows, and no rounding can hide it.
    LaneCase integers =
        product(kind, "small integers", bf16 ? Draw::bf16_small_integers : Draw::f16_small_integers, Compare::bits);
    integers.prepare = with_accumulators(false);
    cases.push_back(integers);

    LaneCase random = product(kind, "random values", bf16 ? Draw::bf16 : Draw::f16,
                              kind == Kind::f16_f16 ? Compare::mma_f16 : Compare::mma_f32);
    random.prepare = with_accumulators(false);
    cases.push_back(random);
  }
  // Subnormal operands count: their products are exact in fp32.
  LaneCase operands = product(Kind::f16_f32, "subnormal operands", Draw::f16_subnormal, Compare::bits);
  operands.prepare = [](Block& block) { set_accumulators(Kind::f16_f32, block, true); };
  cases.push_back(operands);

  // B is the identity in its first eight rows, so that a result is one subnormal element of A.
  LaneCase results = product(Kind::f16_f16, "subnormal results", Draw::f16_subnormal, Compare::f16x2);
  results.prepare = [](Block& block) {
    set_accumulators(Kind::f16_f16, block, true);
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      block.in.at(4, lane) = pair(2 * t == g ? to_f16(1) : 0, 2 * t + 1 == g ? to_f16(1) : 0);
      block.in.at(5, lane) = 0;
    }
  };
  cases.push_back(results);
  return cases;
}

}  // namespace fftconv::lanes
