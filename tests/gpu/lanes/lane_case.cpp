#include "lanes/lane_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "fftconv/half.h"
#include "fftconv/templates.h"
#include "lanes/lane_values.h"

namespace fftconv::lanes {
namespace {

constexpr const char* kArguments = R"(struct fftconv_args {
  const void* u;
  void* y;
  const void* filter;
  void* spectrum;
  void* scratch;
  const void* tables;
  const void* pregate;
  const void* postgate;
  const void* skip;
  long long batch, channels, seqlen, filter_len, filters;
};
)";

// A block's words are [word][thread], so that each access below is one coalesced word a lane.
constexpr const char* kAccess = R"(
FFTCONV_DEVICE int block_index() { return block_x() + kGridX * (block_y() + kGridY * block_z()); }
FFTCONV_DEVICE vi thread_id() { return lane_id() + warp_id() * 32; }
#define kIn (block_index() * (kWordsIn * kThreads * 4))
#define kOut (block_index() * (kWordsOut * kThreads * 4))
#define in_word(i) ldg_u32(args.u, lane_id() * 4 + (kIn + (i) * (kThreads * 4) + warp_id() * 128))
#define out_word(i, v) stg_u32(args.y, lane_id() * 4 + (kOut + (i) * (kThreads * 4) + warp_id() * 128), v)
)";

using Random = std::mt19937_64;

/// A finite value of about unit size; now and then a large or a small one.
double draw_value(Random& random) {
  std::normal_distribution<double> normal;
  const int kind = static_cast<int>(random() % 16);
  return normal(random) * (kind == 0 ? 1e-6 : kind == 1 ? 100.0 : 1.0);
}

double draw_integer(Random& random) { return static_cast<double>(random() % 9) - 4; }

template <class Half>
std::uint32_t draw_pair(Random& random, Half half) {
  const std::uint16_t first = half(random);
  return pair(first, half(random));
}

/// Zeros, subnormals, the largest and the smallest, infinities and NaN, of fp16, bf16 and fp32 alike, among others.
std::uint32_t draw_special(Random& random) {
  static constexpr std::uint16_t halves[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x7c00,
                                             0xfc00, 0x7e00, 0x3c00, 0xbc00, 0x3c01, 0x7f7f, 0x7f80, 0xff80, 0x0080,
                                             0x007f, 0x3f80, 0xbf80, 0x3f81, 0x4248, 0x7fc0, 0x1000, 0x5800};
  static constexpr std::uint32_t words[] = {0x00000001, 0x807fffff, 0x7f7fffff, 0xff7fffff, 0x33000000,
                                            0x33000001, 0x477fefff, 0x477ff000, 0x38800000, 0x387fffff,
                                            0x3f808000, 0x3f818000, 0x3f800fff, 0x3f801000, 0x3f803000};
  const auto half = [&](Random& source) {
    return source() % 3 ? halves[source() % std::size(halves)] : static_cast<std::uint16_t>(source());
  };
  return random() % 4 ? draw_pair(random, half) : words[random() % std::size(words)];
}

std::uint32_t draw_word(Draw draw, Random& random) {
  switch (draw) {
    case Draw::bits:
      return static_cast<std::uint32_t>(random());
    case Draw::f16:
      return draw_pair(random, [](Random& r) { return to_f16(draw_value(r)); });
    case Draw::f16_small_integers:
      return draw_pair(random, [](Random& r) { return to_f16(draw_integer(r)); });
    case Draw::f16_subnormal:
      return draw_pair(random, [](Random& r) { return static_cast<std::uint16_t>(r() & 0x83ff); });
    case Draw::bf16:
      return draw_pair(random, [](Random& r) { return to_bf16(draw_value(r)); });
    case Draw::bf16_small_integers:
      return draw_pair(random, [](Random& r) { return to_bf16(draw_integer(r)); });
    case Draw::f32:
      return as_bits(static_cast<float>(draw_value(random)));
    case Draw::special:
      return draw_special(random);
  }
  return 0;
}

/// Value and spacing-independent order of a 16-bit or 32-bit float: neighbours differ by one.
std::int64_t ordinal(std::uint32_t bits, int width) {
  const std::uint32_t sign = 1u << (width - 1);
  const auto magnitude = static_cast<std::int64_t>(bits & (sign - 1));
  return bits & sign ? -magnitude : magnitude;
}

struct Judge {
  const LaneCase& lane_case;
  Verdict verdict;

  void note(const Block& block, int word, int thread, std::uint32_t expected, std::uint32_t found) {
    ++verdict.wrong;
    if (!verdict.first_wrong.empty()) return;
    verdict.first_wrong = fmt::format("block ({}, {}, {}), word {}, thread {}: expected {:08x}, found {:08x}",
                                      block.index[0], block.index[1], block.index[2], word, thread, expected, found);
  }

  /// One value of `width` bits; true where it is as it should be.
  bool value(std::uint32_t expected, std::uint32_t found, int width, bool both_nan) {
    ++verdict.values;
    if (expected == found || both_nan) {
      ++verdict.bit_exact;
      return true;
    }
    const auto distance = static_cast<double>(std::abs(ordinal(expected, width) - ordinal(found, width)));
    verdict.worst = std::max(verdict.worst, distance);
    return false;
  }

  /// An accumulated value: its error is bounded by the sizes of what was added up, not by the result's own ulp.
  bool accumulated(double expected, double found, bool same_bits, double magnitude, double half_ulp, double bound) {
    ++verdict.values;
    verdict.bit_exact += same_bits ? 1 : 0;
    if (same_bits) return true;
    if (!std::isfinite(found)) return false;
    constexpr double kLeastNormal = 0x1p-14;  // of fp16: below it the spacing no longer shrinks
    const double error = std::abs(expected - found) / (std::max(magnitude, kLeastNormal) * half_ulp);
    verdict.worst = std::max(verdict.worst, error);
    return error <= bound;
  }

  void word(const Block& block, int word_index, int thread, std::uint32_t found) {
    const std::uint32_t expected = block.out.at(word_index, thread);
    const auto flat = static_cast<std::size_t>(word_index * block.out.threads + thread);
    bool good = true;
    switch (lane_case.compare) {
      case Compare::bits:
        good = value(expected, found, 32, false);
        break;
      case Compare::f32:
        good = value(expected, found, 32, std::isnan(as_float(expected)) && std::isnan(as_float(found)));
        break;
      case Compare::f16x2:
      case Compare::bf16x2:
        for (const int shift : {0, 16}) {
          const auto e = static_cast<std::uint16_t>(expected >> shift),
                     f = static_cast<std::uint16_t>(found >> shift);
          const bool half = lane_case.compare == Compare::f16x2;
          const bool both_nan = half ? is_nan_f16(e) && is_nan_f16(f) : is_nan_bf16(e) && is_nan_bf16(f);
          good = value(e, f, 16, both_nan) && good;
        }
        break;
      case Compare::mma_f32:
        // Hardware aligns and truncates the addends of a product; 16 of them lose at most some ulps of the largest.
        good =
            accumulated(as_float(expected), as_float(found), expected == found, block.magnitude[flat], 0x1p-24, 16);
        break;
      case Compare::mma_f16:
        // Two roundings to fp16 at most (k in two halves), each half an ulp of a partial sum, and some to spare.
        for (const int shift : {0, 16}) {
          const auto e = static_cast<std::uint16_t>(expected >> shift),
                     f = static_cast<std::uint16_t>(found >> shift);
          good = accumulated(from_f16(e), from_f16(f), e == f, block.magnitude[2 * flat + (shift ? 1 : 0)], 0x1p-11,
                             3) &&
                 good;
        }
        break;
    }
    if (!good) note(block, word_index, thread, expected, found);
  }
};

}  // namespace

std::vector<LaneCase> lane_cases() {
  std::vector<LaneCase> all;
  for (const auto& part : {memory_cases(), asynchronous_cases(), arithmetic_cases(), matrix_cases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::string preamble() {
  return fmt::format("#ifndef FFTCONV_SIM\n{}\n#endif\n{}", template_text("cuda/prelude.cuh"), kArguments);
}

KernelSource source_of(const LaneCase& lane_case, const std::string& arch) {
  KernelSource source;
  source.arch = arch;
  source.convolution = {.name = "lane_case",
                        .grid = lane_case.grid,
                        .threads = lane_case.warps * 32,
                        .shared_bytes = lane_case.shared_bytes};
  source.text = fmt::format(
      "// {}\n{}"
      "constexpr int kThreads = {}, kWordsIn = {}, kWordsOut = {}, kGridX = {}, kGridY = {};{}"
      "FFTCONV_KERNEL(lane_case, {}, 1)(const fftconv_args args) {{\n{}\n}}\n",
      lane_case.name, preamble(), lane_case.warps * 32, lane_case.words_in, lane_case.words_out, lane_case.grid[0],
      lane_case.grid[1], kAccess, lane_case.warps * 32, lane_case.body);
  return source;
}

std::vector<Block> make_blocks(const LaneCase& lane_case, std::uint64_t seed) {
  Random random(seed);
  const int threads = lane_case.warps * 32;
  std::vector<Block> blocks;
  for (int z = 0; z < lane_case.grid[2]; ++z) {
    for (int y = 0; y < lane_case.grid[1]; ++y) {
      for (int x = 0; x < lane_case.grid[0]; ++x) {
        Block block;
        block.index = {x, y, z};
        block.in = {threads, std::vector<std::uint32_t>(static_cast<std::size_t>(threads * lane_case.words_in))};
        block.out = {threads,
                     std::vector<std::uint32_t>(static_cast<std::size_t>(threads * lane_case.words_out), kPoison)};
        for (std::uint32_t& word : block.in.data) word = draw_word(lane_case.draw, random);
        if (lane_case.prepare) lane_case.prepare(block);
        lane_case.expect(block);
        blocks.push_back(std::move(block));
      }
    }
  }
  return blocks;
}

Verdict judge(const LaneCase& lane_case, const std::vector<Block>& blocks,
              const std::vector<std::uint32_t>& written) {
  Judge judge{lane_case, {}};
  std::size_t position = 0;
  for (const Block& block : blocks) {
    for (int word = 0; word < lane_case.words_out; ++word) {
      for (int thread = 0; thread < block.out.threads; ++thread, ++position) {
        judge.word(block, word, thread, position < written.size() ? written[position] : kPoison);
      }
    }
  }
  return judge.verdict;
}

}  // namespace fftconv::lanes
