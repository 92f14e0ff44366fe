// Samples near the ends of a row, where a vector may hang over.
#pragma once
#include "rows.h"

// `columns` samples at `at` of a row of L; what lies outside counts as 0.
FFTCONV_INLINE part load_inside(const sample* row, index at) {
  if (at >= 0 && at + columns <= seqlen) return load_samples<columns>(row + at);
  part_samples s = {};
  for (int i = 0; i < columns; ++i) {
    if (at + i >= 0 && at + i < seqlen) s[i] = row[at + i];
  }
  return widened(s);
}

// Writes those of `columns` samples at `at` that lie in the row.
template <bool past_caches>
FFTCONV_INLINE void store_inside(sample* row, index at, const part& v) {
  if (at >= 0 && at + columns <= seqlen) {
    store_samples<columns, past_caches>(row + at, v);
    return;
  }
  const part_samples s = narrowed(v);
  for (int i = 0; i < columns; ++i) {
    if (at + i >= 0 && at + i < seqlen) row[at + i] = s[i];
  }
}

// The item's row r at `at`: the input with its gate, and the output with its gate and the skip term.
FFTCONV_INLINE part input_inside(const Item& item, int r, index at) {
  part p = load_inside(item.u + item.offset[r], at);
  if constexpr (has_pregate) p *= load_inside(item.pregate + item.offset[r], at);
  return p;
}
template <bool past_caches>
FFTCONV_INLINE void output_inside(const Item& item, int r, index at, part p) {
  if constexpr (has_postgate) p *= load_inside(item.postgate + item.offset[r], at);
  if constexpr (has_skip) p += item.skip * load_inside(item.u + item.offset[r], at);
  if (r < item.live) store_inside<past_caches>(item.y + item.offset[r], at, p);
}
