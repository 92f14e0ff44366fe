// The root's passes, which read u and write y. The input is real (or two real rows, when paired) and only the real
// part of the output is wanted, so half of the root's work folds away.
#pragma once
#include "right_angle.h"
#include "samples.h"

// Field by field fftconv::KernelArgs.
struct fftconv_args {
  const void* u;
  void* y;
  const void* filter;
  void* spectrum;
  void* scratch;
  const void* tables;
  const void* pregate;
  const void* postgate;
  const void* skip;
  index batch, channels, seqlen, filter_len, filters;
  const void* dy;
  void* dk;
  const void* carry_in;
  void* carry_out;
  index batch_stride, channel_stride, sample_stride;  // of u, y, dy and the gates, in samples
  void* history;
  index blocks;
};

constexpr int item_rows = paired ? 2 * rows : rows;

// One work item: up to item_rows rows of one channel. `live` are there; the others repeat the last one and are not
// stored.
struct Item {
  const sample* u;
  sample* y;
  const sample* pregate;
  const sample* postgate;
  real skip;
  index offset[item_rows];  // of each row, in samples
  int live;
  index filter;
  index row;  // the first one's number in (batch, channels)
};

// Examples `first` … of a channel.
FFTCONV_INLINE Item item_at(const fftconv_args& args, index channel, index first) {
  Item item;
  item.u = (const sample*)args.u;
  item.y = (sample*)args.y;
  item.pregate = (const sample*)args.pregate;
  item.postgate = (const sample*)args.postgate;
  item.skip = has_skip ? (real)((const float*)args.skip)[channel] : (real)0;
  const index left = args.batch - first;
  item.live = left < item_rows ? (int)left : item_rows;
  for (int r = 0; r < item_rows; ++r) {
    const index row = first + (r < item.live ? r : item.live - 1);
    item.offset[r] =
        apart ? row * args.batch_stride + channel * args.channel_stride : (row * args.channels + channel) * seqlen;
  }
  item.row = first * args.channels + channel;
  item.filter = filter_per_example ? item.row : channel * args.filters / args.channels;
  return item;
}

FFTCONV_INLINE Item item_of(const fftconv_args& args, index number) {
  const index groups = (args.batch + item_rows - 1) / item_rows;  // of one channel; neighbours share its filter
  return item_at(args, number / groups, number % groups * item_rows);
}

// Whether all rows of y stand where stores past the caches may go.
FFTCONV_INLINE bool aligned_rows(const Item& item) {
  index misplaced = 0;
  for (int r = 0; r < item_rows; ++r) misplaced |= (index)(item.y + item.offset[r]) % (index)sizeof(part_samples);
  return misplaced == 0;
}

// Rows first_row … of the item at `column`, times the gate where there is one.
template <int valid>
FFTCONV_INLINE vec load_rows(const Item& item, int first_row, index column) {
  part parts[rows];
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const index at = item.offset[first_row + r] + column;
    parts[r] = load_samples<valid>(item.u + at);
    if constexpr (has_pregate) {
      if (!gradient || item.pregate) parts[r] *= load_samples<valid>(item.pregate + at);
    }
    if (gradient && first_row + r >= item.live) parts[r] = part{};
  }
  return joined(parts);
}

template <int valid, bool past_caches>
FFTCONV_INLINE void store_rows(const Item& item, int first_row, index column, const vec& v) {
  part parts[rows];
  separated(parts, v);
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const index at = item.offset[first_row + r] + column;
    if constexpr (has_postgate) parts[r] *= load_samples<valid>(item.postgate + at);
    if constexpr (has_skip) parts[r] += item.skip * load_samples<valid>(item.u + at);
    if (item_rows == 1 || first_row + r < item.live) store_samples<valid, past_caches>(item.y + at, parts[r]);
  }
}

// Blocks first … last - 1 of the root's R parts. Only the first `parts` of them hold samples, the last of these only
// `valid` in its block.
template <int R, int parts, int valid>
FFTCONV_INLINE void split_rows(const Item& item, real* z, index first, index last, const complex* w) {
  constexpr index stride = length / R / columns;
  for (index b = first; b < last; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) {
      a[j] = {vec{}, vec{}};
      if (j >= parts) continue;
      const index column = (b + j * stride) * columns;
      if (j < parts - 1) {
        a[j].re = load_rows<columns>(item, 0, column);
        if constexpr (paired) a[j].im = load_rows<columns>(item, rows, column);
      } else {
        a[j].re = load_rows<valid>(item, 0, column);
        if constexpr (paired) a[j].im = load_rows<valid>(item, rows, column);
      }
    }
    if constexpr (paired)
      split_columns<R>(a, w);
    else
      split_real<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) store_block(z + (b + j * (stride + root_gap)) * block, a[j]);
  }
}

template <int R, int parts, int valid, bool past_caches>
FFTCONV_INLINE void join_rows(const Item& item, const real* z, index first, index last, const complex* w) {
  constexpr index stride = length / R / columns;
  for (index b = first; b < last; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * (stride + root_gap)) * block);
    if constexpr (paired)
      join_columns<R>(a, w);
    else
      join_real<R>(a, w);
#pragma unroll
    for (int j = 0; j < parts; ++j) {
      const index column = (b + j * stride) * columns;
      if (j < parts - 1) {
        store_rows<columns, past_caches>(item, 0, column, a[j].re);
        if constexpr (paired) store_rows<columns, past_caches>(item, rows, column, a[j].im);
      } else {
        store_rows<valid, past_caches>(item, 0, column, a[j].re);
        if constexpr (paired) store_rows<valid, past_caches>(item, rows, column, a[j].im);
      }
    }
  }
}

FFTCONV_INLINE index lesser(index a, index b) { return a < b ? a : b; }
FFTCONV_INLINE index greater(index a, index b) { return a > b ? a : b; }

// The L samples fill the first L / (M / R) parts whole and one more up to `rest` samples.
template <int R>
struct Root {
  static constexpr index span = length / R;  // samples of a part
  static constexpr int whole = seqlen / span;
  static constexpr index rest = seqlen % span;
  static constexpr index full_blocks = rest / columns;
  static constexpr int tail = rest % columns;
  static constexpr index longer_blocks = full_blocks + (tail > 0);  // in which one more part holds samples
  static constexpr index blocks = span / columns;

  // Blocks first … last - 1 of each part.
  FFTCONV_INLINE void split(const Item& item, real* z, index first, index last, const complex* w) {
    if constexpr (full_blocks > 0) {
      split_rows<R, whole + 1, columns>(item, z, first, lesser(last, full_blocks), w);
    }
    if constexpr (tail > 0) {
      if (first <= full_blocks && full_blocks < last) {
        split_rows<R, whole + 1, tail>(item, z, full_blocks, longer_blocks, w);
      }
    }
    split_rows<R, whole, columns>(item, z, greater(first, longer_blocks), last, w);
  }
  // Apart for each kind of store: inlined side by side, compilers join them and drop the hint.
  template <bool past_caches>
  static __attribute__((noinline)) void join(const Item& item, const real* z, index first, index last,
                                             const complex* w) {
    if constexpr (full_blocks > 0) {
      join_rows<R, whole + 1, columns, past_caches>(item, z, first, lesser(last, full_blocks), w);
    }
    if constexpr (tail > 0) {
      if (first <= full_blocks && full_blocks < last) {
        join_rows<R, whole + 1, tail, past_caches>(item, z, full_blocks, longer_blocks, w);
      }
    }
    if constexpr (whole > 0) {
      join_rows<R, whole, columns, past_caches>(item, z, greater(first, longer_blocks), last, w);
    }
  }
};
