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

/// The least lag of the filter's taps.
inline std::int64_t least_lag(const Problem& problem) {
  const std::int64_t first = first_lag(problem);
  return std::min(first, first + lag_step(problem) * (problem.filter_len - 1));
}

/// Chunks that a row takes: its output stands up to Lk - 1 samples behind its input.
inline std::int64_t chunk_count(const Problem& problem, std::int64_t length) {
  return (problem.seqlen + std::max<std::int64_t>(0, -least_lag(problem)) + length - 1) / length;
}

constexpr std::int64_t kLeastChunks = 8;  ///< of a run: who begins one computes a chunk more
constexpr std::int64_t kEnoughRuns = 64;  ///< of all rows: more threads than this would not be busy

/// Runs of chunks, the work items that each of `items` groups of rows makes: see templates/cpu/chunks.h.
inline std::int64_t chunk_runs(const Problem& problem, std::int64_t length, std::int64_t items) {
  return std::max<std::int64_t>(1, std::min(kEnoughRuns / items, chunk_count(problem, length) / kLeastChunks));
}

}  // namespace fftconv::cpu
