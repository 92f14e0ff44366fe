// Rows that are blocks of longer streams. The right angle has the whole linear product: samples up to M in the real
// part, those beyond in the imaginary one. The first L, with what earlier blocks left, are y; the Lk - 1 after them
// are left for the next block. Paired rows have their products whole, each in its part.
#pragma once
#include "rows.h"

constexpr index carry_len = filter_len - 1;

// What lies before `end` of `columns` numbers at p + at; the others count as 0, and are not written.
FFTCONV_INLINE part load_state(const real* p, index at, index end) {
  if (at + columns <= end) return *(const unaligned_part*)(p + at);
  part s = {};
  for (int i = 0; i < columns; ++i) {
    if (at + i < end) s[i] = p[at + i];
  }
  return s;
}
FFTCONV_INLINE void store_state(real* p, index at, index end, const part& s) {
  if (at + columns <= end) {
    *(unaligned_part*)(p + at) = s;
    return;
  }
  for (int i = 0; i < columns; ++i) {
    if (at + i < end) p[at + i] = s[i];
  }
}

// Where a row's numbers stand in a tensor of carry_len for each row. Rows that are not there repeat the last one.
FFTCONV_INLINE index state_at(const Item& item, const fftconv_args& args, int row) {
  const int example = row < item.live ? row : item.live - 1;
  return (item.row + example * args.channels) * carry_len;
}

template <int valid>
FFTCONV_INLINE void store_carried(const Item& item, const fftconv_args& args, int first_row, index column,
                                  const vec& v) {
  const real* const before = (const real*)args.carry_in;
  part parts[rows];
  separated(parts, v);
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    if (before && column < carry_len)
      parts[r] += load_state(before + state_at(item, args, first_row + r), column, carry_len);
  }
  store_rows<valid, false>(item, first_row, column, joined(parts));
}

// Numbers `first` … first + carry_len - 1 of the product, of the rows in one part of the blocks (0 real, 1
// imaginary).
static void hand_on(const Item& item, const fftconv_args& args, const real* z, int first_row, int plane) {
  for (int r = 0; r < rows && first_row + r < item.live; ++r) {
    real* const state = (real*)args.carry_out + state_at(item, args, first_row + r);
    for (index t = 0; t < carry_len; t += columns) {
      const index n = seqlen + t, wrapped = n < length ? n : n - length;
      const real* at = z + wrapped / columns * block + (plane + (n >= length)) * lanes + r * columns;
      if (seqlen % columns == 0) {
        store_state(state, t, carry_len, *(const unaligned_part*)at);
        continue;
      }
      for (index i = t; i < t + columns && i < carry_len; ++i) {
        const index m = seqlen + i, w = m < length ? m : m - length;
        state[i] = z[w / columns * block + (plane + (m >= length)) * lanes + r * columns + w % columns];
      }
    }
  }
}

// The root's last pass. Blocks that reach into the tail stay in z until the rows are done: carry_in and carry_out may
// be the same memory.
template <int R>
static __attribute__((noinline)) void join_carrying(const Item& item, const fftconv_args& args, real* z,
                                                    const complex* w) {
  constexpr index stride = length / R / columns, whole = seqlen / columns * columns;
  constexpr int tail = seqlen % columns;
  for (index b = 0; b < stride; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * block);
    join_columns<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) {
      const index column = (b + j * stride) * columns;
      if (column + columns > seqlen || column < seqlen + carry_len - length)
        store_block(z + (b + j * stride) * block, a[j]);
      if (column < whole) {
        store_carried<columns>(item, args, 0, column, a[j].re);
        if constexpr (paired) store_carried<columns>(item, args, rows, column, a[j].im);
      } else if (tail > 0 && column == whole) {
        store_carried<tail == 0 ? columns : tail>(item, args, 0, column, a[j].re);
        if constexpr (paired) store_carried<tail == 0 ? columns : tail>(item, args, rows, column, a[j].im);
      }
    }
  }
  hand_on(item, args, z, 0, 0);
  if constexpr (paired) hand_on(item, args, z, rows, 1);
}
