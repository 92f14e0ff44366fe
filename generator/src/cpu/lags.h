// Which lags a problem's filter has, and how long a transform must be for them.
#pragma once

#include <algorithm>

#include "fftconv/problem.h"

namespace fftconv::cpu {

/// Points that the transform must have. Right angle: L, since what wraps lands in the imaginary part. Paired: no
/// product may wrap onto a sample that is kept, unless the problem itself is circular.
inline std::int64_t needed_length(const Problem& problem, bool paired) {
  if (!paired || problem.mode == Mode::circular) return problem.seqlen;
  const std::int64_t first = first_lag(problem), last = first + lag_step(problem) * (problem.filter_len - 1);
  return problem.seqlen + std::max({first, last, -first, -last});
}

}  // namespace fftconv::cpu
