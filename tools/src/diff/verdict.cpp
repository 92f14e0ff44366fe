#include "diff/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fftconv::tools {

const char* to_string(Verdict verdict) {
  constexpr const char* kNames[] = {"faster", "slower", "same", "cannot tell"};
  return kNames[static_cast<int>(verdict)];
}

std::optional<Interval> median_interval(std::span<const double> samples, double confidence) {
  const std::size_t count = samples.size();
  const double n = static_cast<double>(count);
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  // In logarithms, so that a thousand samples do not underflow.
  double below = 0;  // P(Binomial(n, 1/2) <= k)
  std::optional<Interval> narrowest;
  for (std::size_t k = 0; 2 * k + 1 < count; ++k) {
    const double i = static_cast<double>(k);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(n - i + 1) - n * std::log(2.0));
    if (1 - 2 * below < confidence) break;
    narrowest = Interval{sorted[k], sorted[count - 1 - k]};
  }
  return narrowest;
}

Comparison compare(const Measurement& before, const Measurement& after) {
  Comparison result;
  if (before.median > 0) result.ratio = after.median / before.median;
  const auto first = median_interval(before.samples, 0.975), second = median_interval(after.samples, 0.975);
  if (!first || !second) {
    result.why = fmt::format("{} and {} samples are too few to bound a median; 7 of each are the least",
                             before.samples.size(), after.samples.size());
    return result;
  }
  if (!(first->low > 0) || !(second->low > 0)) {
    result.why = "a sample is not above 0 s";
    return result;
  }
  result.interval = {second->low / first->high, second->high / first->low};
  if (result.interval.high < 1 - same_within) {
    result.verdict = Verdict::faster;
  } else if (result.interval.low > 1 + same_within) {
    result.verdict = Verdict::slower;
  } else if (result.interval.low >= 1 - same_within && result.interval.high <= 1 + same_within) {
    result.verdict = Verdict::same;
  } else {
    result.why = fmt::format("the interval reaches over the border of {:.0f} %", same_within * 100);
  }
  return result;
}

}  // namespace fftconv::tools
