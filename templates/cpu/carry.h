// Rows that are blocks of longer streams. The right angle has the whole linear product: samples up to M in the real
// part, those beyond in the imaginary one. The first L, with what earlier blocks left, are y; the Lk - 1 after them
// are left for the next block. Paired rows have their products whole, each in its part.
#pragma once
#include "rows.h"

constexpr index carry_len = filter_len - 1;

// Where a row's numbers stand in a tensor of carry_len for each row. Rows that are not there repeat the last one.
FFTCONV_INLINE index state_at(const Item& item, const fftconv_args& args, int row) {
  const int example = row < item.live ? row : item.live - 1;
  return (item.row + example * args.channels) * carry_len;
}

// carry_in and carry_out may be the same memory, and columns are joined in any order: what was left is kept behind
// the transform's memory, a row after the other, before the first is joined. Shares `first` … `last` - 1 of `all`.
FFTCONV_SHARED void keep_carry(const Item& item, const fftconv_args& args, real* z, index first, index last,
                               index all) {
  const real* const before = (const real*)args.carry_in;
  real* const kept = z + length / columns * block;
  for (int r = 0; r < item_rows; ++r) {
    for (index t = first * carry_len / all; t < last * carry_len / all; ++t)
      kept[r * carry_len + t] = before ? before[state_at(item, args, r) + t] : 0;
  }
}

// Numbers at .. at + columns - 1 of a row's state, those of them that it has.
FFTCONV_INLINE part load_kept(const real* kept, index at) {
  if (at + columns <= carry_len) return *(const unaligned_part*)(kept + at);
  part s = {};
  for (int i = 0; i < columns; ++i) {
    if (at + i < carry_len) s[i] = kept[at + i];
  }
  return s;
}
FFTCONV_INLINE void hand_on(real* state, index at, const part& s) {
  if (at >= 0 && at + columns <= carry_len) {
    *(unaligned_part*)(state + at) = s;
    return;
  }
  for (int i = 0; i < columns; ++i) {
    if (at + i >= 0 && at + i < carry_len) state[at + i] = s[i];
  }
}

// Samples n .. n + columns - 1 of the products of `rows` rows: y, the next block's, or some of either.
template <int tail>
FFTCONV_INLINE void store_product(const Item& item, const fftconv_args& args, const real* z, int first_row, index n,
                                  const vec& v) {
  part parts[rows];
  separated(parts, v);
  if (n + columns > seqlen && n < seqlen + carry_len) {
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      if (first_row + r < item.live)
        hand_on((real*)args.carry_out + state_at(item, args, first_row + r), n - seqlen, parts[r]);
    }
  }
  if (n >= seqlen) return;
  if (n < carry_len) {
    const real* const kept = z + length / columns * block;
#pragma unroll
    for (int r = 0; r < rows; ++r) parts[r] += load_kept(kept + (first_row + r) * carry_len, n);
  }
  if (n + columns <= seqlen)
    store_rows<columns, false>(item, first_row, n, joined(parts));
  else
    store_rows<tail, false>(item, first_row, n, joined(parts));
}

// Blocks first … last - 1 of the root's last pass.
template <int R>
static __attribute__((noinline)) void join_carrying(const Item& item, const fftconv_args& args, const real* z,
                                                    index first, index last, const complex* w) {
  constexpr index stride = length / R / columns;
  constexpr int tail = seqlen % columns == 0 ? columns : seqlen % columns;
  for (index b = first; b < last; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * block);
    join_columns<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) {
      const index n = (b + j * stride) * columns;
      store_product<tail>(item, args, z, 0, n, a[j].re);
      if constexpr (paired) store_product<tail>(item, args, z, rows, n, a[j].im);
      if (!paired && n + length < seqlen + carry_len) store_product<tail>(item, args, z, 0, n + length, a[j].im);
    }
  }
}
