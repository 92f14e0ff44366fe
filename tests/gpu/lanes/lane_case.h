// One specification of the lane interface (templates/LANES.md): small lane-style kernels, random inputs, and the
// expected bits computed in plain C++. The GPU suite runs the cases on hardware, lane_semantics_test in the
// simulation, so that both are compared with the same numbers.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fftconv/kernel_source.h"

namespace fftconv::lanes {

/// How the words that a case writes are compared with what is expected.
enum class Compare {
  bits,     ///< equal
  f16x2,    ///< two fp16: equal bits, any NaN equals any NaN
  bf16x2,   ///< two bf16, likewise
  f32,      ///< one fp32, likewise
  mma_f16,  ///< two fp16 within the bound of an accumulating product, see Block::bound
  mma_f32,  ///< one fp32, likewise
};

/// The words of one block, [word][thread], as the kernel's in_word(i) and out_word(i, v) see them.
struct Words {
  int threads = 32;
  std::vector<std::uint32_t> data;
  std::uint32_t& at(int word, int thread) { return data[static_cast<std::size_t>(word * threads + thread)]; }
  std::uint32_t at(int word, int thread) const { return data[static_cast<std::size_t>(word * threads + thread)]; }
};

/// What one block reads and should write. `out` holds kPoison where nothing is written.
struct Block {
  std::array<int, 3> index{};
  Words in;
  Words out;
  /// For Compare::mma_*: sum of the magnitudes of all addends, for each value of `out` (two a word for fp16).
  std::vector<double> magnitude;
};

constexpr std::uint32_t kPoison = 0xCDCDCDCDu;

/// What random words are drawn from.
enum class Draw { bits, f16, f16_small_integers, f16_subnormal, bf16, bf16_small_integers, f32, special };

struct LaneCase {
  std::string name;
  std::string body;  ///< statements of the kernel; may use in_word(i), out_word(i, v), kIn, kOut (byte offsets)
  int words_in = 1;  ///< a thread
  int words_out = 1;
  int warps = 1;
  std::array<int, 3> grid{16, 1, 1};
  int shared_bytes = 0;
  Draw draw = Draw::bits;
  Compare compare = Compare::bits;
  std::function<void(Block&)> prepare;  ///< optional: changes the random inputs (addresses, predicates)
  std::function<void(Block&)> expect;   ///< writes Block::out
};

/// All of them, in a fixed order.
std::vector<LaneCase> lane_cases();
std::vector<LaneCase> memory_cases();
std::vector<LaneCase> asynchronous_cases();
std::vector<LaneCase> arithmetic_cases();
std::vector<LaneCase> matrix_cases();

/// What every kernel text begins with: the CUDA prelude (not where FFTCONV_SIM is defined) and fftconv_args.
std::string preamble();

/// The text that a device compiles: preamble and kernel.
KernelSource source_of(const LaneCase& lane_case, const std::string& arch);

/// Inputs and expected outputs of every block.
std::vector<Block> make_blocks(const LaneCase& lane_case, std::uint64_t seed);

struct Verdict {
  std::int64_t values = 0;
  std::int64_t bit_exact = 0;
  std::int64_t wrong = 0;   ///< outside what Compare allows
  double worst = 0;         ///< ulps; mma: error over the sum of magnitudes, in units of half an ulp of 1
  std::string first_wrong;  ///< where, expected and found
};

/// Compares the words that a device wrote ([block][word][thread]) with what the blocks expect.
Verdict judge(const LaneCase& lane_case, const std::vector<Block>& blocks, const std::vector<std::uint32_t>& written);

}  // namespace fftconv::lanes
