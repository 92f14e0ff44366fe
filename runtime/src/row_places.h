// Where the rows of a tensor lie in it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fftconv/problem.h"

namespace fftconv {

/// Rows in `outer` groups of `inner`; all in elements.
struct RowPlaces {
  std::int64_t outer = 0, inner = 1, length = 0;
  std::int64_t outer_stride = 0, inner_stride = 0;  ///< from one group, one row of it, to the next
  std::int64_t step = 1;                            ///< from one sample of a row to the next
  std::int64_t elements = 0;                        ///< from the first sample to one past the last

  std::int64_t rows() const { return outer * inner; }
  bool has_gaps() const { return elements != rows() * length; }
  std::int64_t start(std::int64_t row) const { return row / inner * outer_stride + row % inner * inner_stride; }
};

/// Rows one after another.
RowPlaces dense_places(std::int64_t rows, std::int64_t length);
/// Of u, y, dy and the gates: row b * channels + h.
RowPlaces sample_places(const Problem& problem);
/// Of what a convolution writes: y, or the filters' gradients.
RowPlaces output_places(const Problem& problem);

/// Calls visit(row, from, to) for each row whose samples from … to - 1 lie among elements first … last - 1.
template <class Visit>
void for_rows_between(const RowPlaces& places, std::int64_t first, std::int64_t last, const Visit& visit) {
  const std::int64_t span = (places.length - 1) * places.step + 1;
  const auto samples_before = [&](std::int64_t distance) { return (distance + places.step - 1) / places.step; };
  for (std::int64_t group = 0; group < places.outer; ++group) {
    const std::int64_t base = group * places.outer_stride;
    if (base >= last || base + (places.inner - 1) * places.inner_stride + span <= first) continue;
    for (std::int64_t i = 0; i < places.inner; ++i) {
      const std::int64_t start = base + i * places.inner_stride;
      if (start >= last || start + span <= first) continue;
      const std::int64_t from = start >= first ? 0 : samples_before(first - start);
      const std::int64_t to = std::min(places.length, samples_before(last - start));
      if (from < to) visit(group * places.inner + i, from, to);
    }
  }
}

}  // namespace fftconv
