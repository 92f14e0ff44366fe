// Which frequencies a frequency-sparse filter has: the meaning of Problem::kept.
//
// The right-angle transform of M points (M the least power of two from 256 on that is at least L) evaluates rows at
// z_f = exp(2 pi i (1/4 + f) / M), f = 0 .. M-1. The frequency f is written in mixed radix with p Monarch digits,
//     f = f_1 + N_1 f_2 + N_1 N_2 f_3 + ...,   0 <= f_d < N_d,
// where p is log2(M) / 6 rounded up, from 2 to 4, and N_1 >= N_2 >= ... are powers of two as equal as their product M
// allows: 32 x 32 at 1K, 32 x 32 x 32 at 32K, 64 x 32 x 32 at 64K. Digit 1 is the first to be split off in the tree
// of rings mod z^m - exp(2 pi i theta), whose children are (theta + k) / R. Bit i of kept[d - 1] keeps the values 16
// i .. 16 i + 15 of digit d; a frequency is kept where all its digits are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv {

/// Values of a digit that one bit of a mask keeps or drops.
inline constexpr std::int64_t kSparsityBlock = 16;

/// M, points of the transform whose frequencies the masks speak of.
std::int64_t sparsity_length(const Problem& problem);

/// A digit of the frequency and which of its blocks are kept: no bit is set beyond them.
struct FrequencyDigit {
  std::int64_t size = 0;   ///< N_d
  std::uint64_t kept = 0;  ///< bit i: values 16 i .. 16 i + 15
  bool operator==(const FrequencyDigit&) const = default;
};
std::int64_t blocks_of(const FrequencyDigit& digit);

/// Digit 1 first. Masks of digits that M does not have, and bits beyond a digit's blocks, are ignored.
std::vector<FrequencyDigit> frequency_digits(const Problem& problem);

/// Whether any frequency is dropped.
bool is_sparse(const Problem& problem);

/// Whether frequency `f`, 0 .. M-1, is kept.
bool is_kept(const std::vector<FrequencyDigit>& digits, std::int64_t f);

/// How many frequencies are kept.
std::int64_t kept_frequencies(const Problem& problem);

/// Such as "blocks 0, 2-3 of 4 of digit 1", for every digit that drops some; empty where nothing is dropped.
std::string sparsity_text(const Problem& problem);

}  // namespace fftconv
