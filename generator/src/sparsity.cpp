#include "fftconv/sparsity.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace fftconv {
namespace {

std::uint64_t all_of(std::int64_t blocks) { return blocks >= 64 ? ~0ull : (1ull << blocks) - 1; }

/// "0, 2-3": the set bits of `mask`, neighbours together.
std::string ranges_text(std::uint64_t mask) {
  std::string text;
  while (mask != 0) {
    const int first = std::countr_zero(mask), count = std::countr_one(mask >> first);
    text += fmt::format("{}{}", text.empty() ? "" : ", ", first);
    if (count > 1) text += fmt::format("-{}", first + count - 1);
    mask &= ~(all_of(count) << first);
  }
  return text;
}

}  // namespace

std::int64_t sparsity_length(const Problem& problem) {
  constexpr std::uint64_t shortest = kSparsityBlock * kSparsityBlock;
  return static_cast<std::int64_t>(
      std::max(shortest, std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(1, problem.seqlen)))));
}

std::int64_t blocks_of(const FrequencyDigit& digit) { return digit.size / kSparsityBlock; }

std::vector<FrequencyDigit> frequency_digits(const Problem& problem) {
  const int bits = std::countr_zero(static_cast<std::uint64_t>(sparsity_length(problem)));
  const int count = std::clamp((bits + 5) / 6, 2, 4);
  std::vector<FrequencyDigit> digits;
  for (int d = 0; d < count; ++d) {
    FrequencyDigit digit{std::int64_t{1} << (bits / count + (d < bits % count ? 1 : 0))};
    digit.kept = problem.kept[static_cast<std::size_t>(d)] & all_of(blocks_of(digit));
    digits.push_back(digit);
  }
  return digits;
}

bool is_sparse(const Problem& problem) {
  if (problem.kept == Problem{}.kept) return false;
  return std::ranges::any_of(frequency_digits(problem),
                             [](const FrequencyDigit& digit) { return digit.kept != all_of(blocks_of(digit)); });
}

bool is_kept(const std::vector<FrequencyDigit>& digits, std::int64_t f) {
  for (const FrequencyDigit& digit : digits) {
    if ((digit.kept >> (f % digit.size / kSparsityBlock) & 1) == 0) return false;
    f /= digit.size;
  }
  return true;
}

std::int64_t kept_frequencies(const Problem& problem) {
  std::int64_t count = 1;
  for (const FrequencyDigit& digit : frequency_digits(problem)) count *= std::popcount(digit.kept) * kSparsityBlock;
  return count;
}

std::string sparsity_text(const Problem& problem) {
  std::string text;
  int number = 0;
  for (const FrequencyDigit& digit : frequency_digits(problem)) {
    ++number;
    if (digit.kept == all_of(blocks_of(digit))) continue;
    text +=
        fmt::format("{}block{} {} of {} of digit {}", text.empty() ? "" : ", ",
                    std::has_single_bit(digit.kept) ? "" : "s", ranges_text(digit.kept), blocks_of(digit), number);
  }
  return text;
}

}  // namespace fftconv
