// Whether one winner's time differs from another's, from the samples of both.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "fftconv/measurement.h"

namespace fftconv::tools {

enum class Verdict { faster, slower, same, cannot_tell };
const char* to_string(Verdict verdict);

struct Interval {
  double low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

/// Distribution-free interval of the median: the narrowest symmetric pair of order statistics that covers it with at
/// least `confidence` (the sign test's interval; coverage 1 - 2 P(Binomial(n, 1/2) < k) for the k-th from both ends).
/// None where even smallest and largest do not: below 7 samples at 0.975. Assumes that samples are independent.
std::optional<Interval> median_interval(std::span<const double> samples, double confidence);

/// Times within this share of each other count as the same.
inline constexpr double same_within = 0.02;

struct Comparison {
  Verdict verdict = Verdict::cannot_tell;
  double ratio = 0;   ///< median after over median before; below 1 is faster
  Interval interval;  ///< of that ratio, at least 95 %; {0, 0} where there are too few samples
  std::string why;    ///< one sentence where it cannot be told
  bool operator==(const Comparison&) const = default;
};

/// Each median's interval at 97.5 % gives the ratio's at 95 % (Bonferroni). `same` where all of it lies within
/// same_within of 1, faster or slower where all of it lies beyond, else cannot_tell.
Comparison compare(const Measurement& before, const Measurement& after);

}  // namespace fftconv::tools
