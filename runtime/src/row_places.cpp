#include "row_places.h"

#include "rows.h"

namespace fftconv {

RowPlaces dense_places(std::int64_t rows, std::int64_t length) {
  return {.outer = rows, .length = length, .outer_stride = length, .elements = rows * length};
}

RowPlaces sample_places(const Problem& problem) {
  const RowStrides strides = row_strides(problem);
  return {.outer = problem.batch,
          .inner = problem.channels,
          .length = problem.seqlen,
          .outer_stride = strides.batch,
          .inner_stride = strides.channel,
          .step = strides.sample,
          .elements = extent(problem)};
}

RowPlaces output_places(const Problem& problem) {
  if (reads_filter(problem)) return sample_places(problem);
  return dense_places(filter_count(problem), problem.filter_len);
}

}  // namespace fftconv
