#include <algorithm>

#include "bench/contender.h"

namespace fftconv::tools {
namespace {

bool is_smooth(std::int64_t n) {
  for (const int prime : {2, 3, 5, 7}) {
    while (n % prime == 0) n /= prime;
  }
  return n == 1;
}

}  // namespace

std::int64_t padded_length(const Problem& problem) {
  if (problem.mode == Mode::circular) return problem.seqlen;
  std::int64_t n = problem.seqlen + problem.filter_len - 1;
  n += n % 2;
  while (!is_smooth(n)) n += 2;
  return std::max<std::int64_t>(n, 2);
}

std::vector<float> periodic_filter(const BenchData& data, std::int64_t f, std::int64_t n) {
  const Problem& problem = data.problem;
  std::vector<float> period(static_cast<std::size_t>(n), 0.0f);
  for (std::int64_t j = 0; j < problem.filter_len; ++j) {
    const std::int64_t lag = first_lag(problem) + j * lag_step(problem);
    const auto at = static_cast<std::size_t>((lag % n + n) % n);
    period[at] += data.filter[static_cast<std::size_t>(f * problem.filter_len + j)];
  }
  return period;
}

}  // namespace fftconv::tools
