// Integer, fp32, packed fp16 and bf16 arithmetic, conversions, comparisons, selection.
#include <fmt/format.h>

#include <cmath>

#include "fftconv/half.h"
#include "lanes/lane_case.h"
#include "lanes/lane_values.h"

namespace fftconv::lanes {
namespace {

using Operands = const std::uint32_t (&)[3];

/// One expression of a, b and c (vu); its value as a vu.
struct Expression {
  const char* name;
  const char* text;
  Compare compare;
  std::uint32_t (*expected)(Operands);
};

constexpr std::uint16_t kOneF16 = 0x3c00, kMinusOneF16 = 0xbc00, kOneBf16 = 0x3f80, kMinusOneBf16 = 0xbf80;
constexpr std::uint32_t kSigns = 0x80008000u;
constexpr std::uint16_t kMinusZero = 0x8000;

std::int32_t as_signed(std::uint32_t bits) { return static_cast<std::int32_t>(bits); }

std::uint16_t add_f16(std::uint16_t a, std::uint16_t b) { return fma_f16(a, kOneF16, b); }
std::uint16_t sub_f16(std::uint16_t a, std::uint16_t b) { return fma_f16(b, kMinusOneF16, a); }
std::uint16_t mul_f16(std::uint16_t a, std::uint16_t b) { return fma_f16(a, b, kMinusZero); }
std::uint16_t add_bf16(std::uint16_t a, std::uint16_t b) { return fma_bf16(a, kOneBf16, b); }
std::uint16_t sub_bf16(std::uint16_t a, std::uint16_t b) { return fma_bf16(b, kMinusOneBf16, a); }
std::uint16_t mul_bf16(std::uint16_t a, std::uint16_t b) { return fma_bf16(a, b, kMinusZero); }
std::uint16_t round_f16(std::uint32_t f32) { return to_f16(as_float(f32)); }
std::uint16_t round_bf16(std::uint32_t f32) { return to_bf16(as_float(f32)); }
std::uint32_t wide_f16(std::uint16_t bits) { return as_bits(static_cast<float>(from_f16(bits))); }
std::uint32_t wide_bf16(std::uint16_t bits) { return as_bits(static_cast<float>(from_bf16(bits))); }

#define EXPECT [](Operands w) -> std::uint32_t
const Expression kFloating[] = {
    {"f16x2_add", "f16x2_add(a, b)", Compare::f16x2, EXPECT{return both(add_f16, w[0], w[1]);
}  // namespace
}  // namespace fftconv::lanes
, {"f16x2_sub", "f16x2_sub(a, b)", Compare::f16x2, EXPECT{return both(sub_f16, w[0], w[1]);
}
}
, {"f16x2_mul", "f16x2_mul(a, b)", Compare::f16x2, EXPECT{return both(mul_f16, w[0], w[1]);
}
}
, {"f16x2_fma", "f16x2_fma(a, b, c)", Compare::f16x2, EXPECT{return both(fma_f16, w[0], w[1], w[2]);
}
}
, {"f16x2_neg", "f16x2_neg(a)", Compare::f16x2, EXPECT{return w[0] ^ kSigns;
}
}
, {"bf16x2_add", "bf16x2_add(a, b)", Compare::bf16x2, EXPECT{return both(add_bf16, w[0], w[1]);
}
}
, {"bf16x2_sub", "bf16x2_sub(a, b)", Compare::bf16x2, EXPECT{return both(sub_bf16, w[0], w[1]);
}
}
, {"bf16x2_mul", "bf16x2_mul(a, b)", Compare::bf16x2, EXPECT{return both(mul_bf16, w[0], w[1]);
}
}
, {"bf16x2_fma", "bf16x2_fma(a, b, c)", Compare::bf16x2, EXPECT{return both(fma_bf16, w[0], w[1], w[2]);
}
}
, {"bf16x2_neg", "bf16x2_neg(a)", Compare::bf16x2, EXPECT{return w[0] ^ kSigns;
}
}
, {"pack_f16x2", "pack_f16x2(as_float(a), as_float(b))", Compare::f16x2,
   EXPECT{return pair(round_f16(w[0]), round_f16(w[1]));
}
}
, {"pack_bf16x2", "pack_bf16x2(as_float(a), as_float(b))", Compare::bf16x2,
   EXPECT{return pair(round_bf16(w[0]), round_bf16(w[1]));
}
}
, {"f16x2_low", "as_uint(f16x2_low(a))", Compare::f32, EXPECT{return wide_f16(low(w[0]));
}
}
, {"f16x2_high", "as_uint(f16x2_high(a))", Compare::f32, EXPECT{return wide_f16(high(w[0]));
}
}
, {"bf16x2_low", "as_uint(bf16x2_low(a))", Compare::f32, EXPECT{return wide_bf16(low(w[0]));
}
}
, {"bf16x2_high", "as_uint(bf16x2_high(a))", Compare::f32, EXPECT{return wide_bf16(high(w[0]));
}
}
, {"fp32 add", "as_uint(as_float(a) + as_float(b))", Compare::f32,
   EXPECT{return as_bits(as_float(w[0]) + as_float(w[1]));
}
}
, {"fp32 subtract", "as_uint(as_float(a) - as_float(b))", Compare::f32,
   EXPECT{return as_bits(as_float(w[0]) - as_float(w[1]));
}
}
, {"fp32 multiply", "as_uint(as_float(a) * as_float(b))", Compare::f32,
   EXPECT{return as_bits(as_float(w[0]) * as_float(w[1]));
}
}
, {"fp32 times a plain number", "as_uint(as_float(a) * 0.25f)", Compare::f32,
   EXPECT{return as_bits(as_float(w[0]) * 0.25f);
}
}
, {"fma_f32", "as_uint(fma_f32(as_float(a), as_float(b), as_float(c)))", Compare::f32,
   EXPECT{return as_bits(std::fma(as_float(w[0]), as_float(w[1]), as_float(w[2])));
}
}
,
}
;

const Expression kIntegers[] = {{"as_float and as_uint", "as_uint(as_float(a))", Compare::bits, EXPECT{return w[0];
}
}
, {"int arithmetic", "as_uint(as_int(a) + as_int(b) * as_int(c) - 77)", Compare::bits,
   EXPECT{return w[0] + w[1] * w[2] - 77u;
}
}
, {"int bits", "as_uint((as_int(a) & as_int(b)) ^ (as_int(c) | 0x1234))", Compare::bits,
   EXPECT{return (w[0] & w[1]) ^ (w[2] | 0x1234u);
}
}
, {"int shift right keeps the sign", "as_uint(as_int(a) >> 7)", Compare::bits,
   EXPECT{return static_cast<std::uint32_t>(as_signed(w[0]) >> 7);
}
}
, {"int shift left", "as_uint(as_int(a) << 9)", Compare::bits, EXPECT{return w[0] << 9;
}
}
, {"unsigned arithmetic", "a * b + c - 5u", Compare::bits, EXPECT{return w[0] * w[1] + w[2] - 5u;
}
}
, {"unsigned bits", "((a & 0xff00ff00u) | (b ^ c)) & ~c", Compare::bits,
   EXPECT{return ((w[0] & 0xff00ff00u) | (w[1] ^ w[2])) & ~w[2];
}
}
, {"unsigned shift by a lane", "(a >> (b & 31u)) ^ (c << (b & 31u))", Compare::bits,
   EXPECT{return (w[0] >> (w[1] & 31)) ^ (w[2] << (w[1] & 31));
}
}
, {"int divided by a plain number", "as_uint((lane_id() / 4) * 100 + lane_id() % 4)", Compare::bits, nullptr},
    {"splat", "(vu)7u + as_uint((vi)3) + as_uint((vf)1.0f)", Compare::bits, EXPECT{(void)w;
return 10u + 0x3f800000u;
}
}
, {"select", "select((a & 1u) != 0u, b, c)", Compare::bits, EXPECT{return w[0] & 1 ? w[1] : w[2];
}
}
, {"select of int", "as_uint(select((a & 1u) == 0u, as_int(b), as_int(c)))", Compare::bits,
   EXPECT{return w[0] & 1 ? w[2] : w[1];
}
}
, {"select of fp32", "as_uint(select(as_int(a) < 0, as_float(b), as_float(c)))", Compare::bits,
   EXPECT{return as_signed(w[0]) < 0 ? w[1] : w[2];
}
}
, {"predicates combine", "select(((a & 1u) != 0u) & ((a & 2u) != 0u) | ((a & 4u) != 0u), b, c)", Compare::bits,
   EXPECT{return ((w[0] & 3) == 3) || (w[0] & 4) ? w[1] : w[2];
}
}
,
}
;

/// Six comparisons as six bits, of lanes with lanes and of lanes with a plain number.
std::string compare_text(const std::string& left, const std::string& right) {
  std::string text = "((vu)0u";
  int bit = 1;
  for (const char* op : {"<", "<=", ">", ">=", "==", "!="}) {
    text += fmt::format(" | select({} {} {}, (vu){}u, (vu)0u)", left, op, right, bit);
    bit *= 2;
  }
  return text + ")";
}

template <class T>
std::uint32_t compare_bits(T a, T b) {
  return (a < b ? 1u : 0u) | (a <= b ? 2u : 0u) | (a > b ? 4u : 0u) | (a >= b ? 8u : 0u) | (a == b ? 16u : 0u) |
         (a != b ? 32u : 0u);
}

LaneCase from(const std::string& name, const std::string& text, Draw draw, Compare compare,
              std::function<std::uint32_t(Operands)> expected) {
  LaneCase made;
  made.name = name;
  made.words_in = 3;
  made.grid = {64, 1, 1};
  made.draw = draw;
  made.compare = compare;
  made.body = fmt::format(
      "  vu a = in_word(0), b = in_word(1), c = in_word(2);\n  (void)a;\n  (void)b;\n  (void)c;\n  out_word(0, "
      "{});\n",
      text);
  made.expect = [expected](Block& block) {
    for (int lane = 0; lane < 32; ++lane) {
      const std::uint32_t words[3] = {block.in.at(0, lane), block.in.at(1, lane), block.in.at(2, lane)};
      block.out.at(0, lane) = expected ? expected(words) : static_cast<std::uint32_t>(lane / 4 * 100 + lane % 4);
    }
  };
  return made;
}

/// Every third lane compares equal values.
LaneCase comparison(const std::string& name, const std::string& text, Draw draw,
                    std::function<std::uint32_t(Operands)> expected) {
  LaneCase made = from(name, text, draw, Compare::bits, std::move(expected));
  made.prepare = [](Block& block) {
    for (int lane = 0; lane < 32; lane += 3) block.in.at(1, lane) = block.in.at(0, lane);
  };
  return made;
}

}  // namespace

std::vector<LaneCase> arithmetic_cases() {
  std::vector<LaneCase> cases;
  for (const Expression& e : kFloating) {
    const std::string name = e.name;
    const bool bf16 = name.rfind("bf16", 0) == 0;
    const bool packed = e.compare != Compare::f32 && name.rfind("pack", 0) != 0;
    const Draw draw = bf16 ? Draw::bf16 : packed || name.rfind("f16x2", 0) == 0 ? Draw::f16 : Draw::f32;
    cases.push_back(from(name, e.text, draw, e.compare, e.expected));
    cases.push_back(from(name + ", special values", e.text, Draw::special, e.compare, e.expected));
    cases.push_back(from(name + ", any bits", e.text, Draw::bits, e.compare, e.expected));
  }
  for (const Expression& e : kIntegers) {
    cases.push_back(from(e.name, e.text, Draw::bits, e.compare,
                         e.expected ? std::function<std::uint32_t(Operands)>(e.expected) : nullptr));
  }
  cases.push_back(comparison(
      "comparisons of int", compare_text("as_int(a)", "as_int(b)"), Draw::bits,
      EXPECT { return compare_bits(as_signed(w[0]), as_signed(w[1])); }));
  cases.push_back(comparison(
      "comparisons of unsigned", compare_text("a", "b"), Draw::bits, EXPECT { return compare_bits(w[0], w[1]); }));
  cases.push_back(comparison(
      "comparisons of fp32", compare_text("as_float(a)", "as_float(b)"), Draw::special,
      EXPECT { return compare_bits(as_float(w[0]), as_float(w[1])); }));
  cases.push_back(
      comparison("comparisons of int with a plain number", compare_text("lane_id()", "16"), Draw::bits, nullptr));
  cases.back().expect = [](Block& block) {
    for (int lane = 0; lane < 32; ++lane) block.out.at(0, lane) = compare_bits(lane, 16);
  };
  return cases;
}
#undef EXPECT

}  // namespace fftconv::lanes
