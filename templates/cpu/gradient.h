// The gradient of the filter: the correlation of dy with u, summed over the rows that use the filter. Of each row
// conj(U) DY is added up where the leaves leave it; one way back for each filter then gives all lags at once. Where
// filters are few, their rows make several partial sums, so that threads can share them; how many does not depend on
// the threads, nor does the order in which they are added, nor so the result.
#pragma once
#include "leaf.h"

// Planes of a scratch, a little apart from multiples of a page. A partial sum has three: dy, u and the products.
constexpr index plane = (length / columns + 5) * block;

enum class Pass {
  forward,     // to the spectrum, in place
  accumulate,  // to the spectrum, times the conjugate of what is a plane further, added to what is two planes further
  back,        // from the spectrum, in place
};

constexpr int product_stage = 1 + Along::stages;  // of a leaf: before it to the spectrum, after it back

template <int stage, int last, int count>
FFTCONV_INLINE void leaf_stages_of(Leaf* l) {
  if constexpr (stage < last) {
#pragma unroll
    for (int c = 0; c < count; ++c) leaf_stage<stage, false>(l[c]);
    leaf_stages_of<stage + 1, last, count>(l);
  }
}

template <Pass pass, int count>
FFTCONV_INLINE void gradient_leaves(real* z, const real* scalars, const real* tables, index leaf) {
  Leaf l[count];
#pragma unroll
  for (int c = 0; c < count; ++c) {
    l[c].z = z + c * leaf_floats;
    l[c].scalar = scalars + (leaf + c) * leaf_scalar_floats;
    l[c].table = tables + (leaf + c) * leaf_table_floats;
  }
  if constexpr (pass == Pass::back) {
#pragma unroll
    for (int c = 0; c < count; ++c) {
#pragma unroll
      for (int k = 0; k < leaf_radix; ++k) l[c].a[k] = load_block(l[c].z + k * block);
    }
    leaf_stages_of<product_stage + 1, leaf_stages, count>(l);
    return;
  }
  leaf_stages_of<0, product_stage, count>(l);
#pragma unroll
  for (int c = 0; c < count; ++c) {
#pragma unroll
    for (int k = 0; k < leaf_radix; ++k) {
      real* const at = l[c].z + k * block;
      if constexpr (pass == Pass::forward) {
        store_block(at, l[c].a[k]);
      } else {
        const cvec product = times_conj(l[c].a[k], load_block(at + plane));
        store_block(at + 2 * plane, load_block(at + 2 * plane) + product);
      }
    }
  }
}

template <Pass pass>
static __attribute__((noinline)) void gradient_run(real* z, const real* scalars, const real* tables, index first,
                                                   index count) {
  index i = 0;
  for (; i + interleave <= count; i += interleave)
    gradient_leaves<pass, interleave>(z + i * leaf_floats, scalars, tables, first + i);
  for (; i < count; ++i) gradient_leaves<pass, 1>(z + i * leaf_floats, scalars, tables, first + i);
}

// Work items of the convolution that use a filter: begin … end - 1.
struct ItemRange {
  index begin, end;
};
FFTCONV_INLINE ItemRange items_of(const fftconv_args& args, index filter) {
  const index groups = (args.batch + item_rows - 1) / item_rows, channels = args.channels / args.filters;
  if constexpr (filter_per_example) {
    const index number = filter % args.channels * args.batch + filter / args.channels;
    return {number, number + 1};
  }
  return {filter * channels * groups, (filter + 1) * channels * groups};
}

// Of a filter with these work items; the same in partial_sums() of the generator.
FFTCONV_INLINE index sums_of(const fftconv_args& args, const ItemRange& items) {
  return lesser(items.end - items.begin, greater(1, lesser(most_sums, enough_sums / args.filters)));
}
// Those whose products are in partial sum `number`.
FFTCONV_INLINE ItemRange items_of_sum(const ItemRange& items, index number, index sums) {
  const index count = items.end - items.begin;
  return {items.begin + number * count / sums, items.begin + (number + 1) * count / sums};
}

FFTCONV_INLINE void clear_plane(real* z) {
  for (index i = 0; i < length / columns * block; ++i) z[i] = 0;
}
FFTCONV_INLINE void add_plane(real* sum, const real* z) {
  for (index b = 0; b < length / columns; ++b)
    store_block(sum + b * block, load_block(sum + b * block) + load_block(z + b * block));
}

// Passes over a filter that threads share, as fftconv::SharePass: its partial sums are the units of the first; the
// other has one unit, all that is left.
constexpr index partial_pass = 0, rest_pass = 1;

// The rows of dy that belong to an item's rows of u, times the gate of y.
FFTCONV_INLINE Item gradient_of(const Item& item, const fftconv_args& args) {
  Item dy = item;
  dy.u = (const sample*)args.dy;
  dy.pregate = (const sample*)args.postgate;
  return dy;
}

FFTCONV_INLINE real coefficient(const real* z, index position, int imaginary) {
  const real* at = z + position / columns * block + imaginary * lanes + position % columns;
  real sum = 0;
  for (int r = 0; r < rows; ++r) sum += at[r * columns];
  return sum;
}

// The places of the taps are those of filter.h. Paired, the real part holds the sum of both rows' correlations.
static void take_taps(const real* z, real* taps) {
  constexpr real scale = (real)(1.0 / (double)length);
  for (index j = 0; j < filter_len; ++j) {
    index lag = first_lag + lag_step * j;
    real value = 0;
    if (circular_filter) {
      lag = lag < 0 ? lag + seqlen : lag;
      if (!paired && lag > 0) value -= coefficient(z, length + lag - seqlen, 1);
    }
    if (lag >= 0)
      value += coefficient(z, lag, 0);
    else if (paired)
      value += coefficient(z, length + lag, 0);
    else
      value -= coefficient(z, length + lag, 1);
    taps[j] = value * scale;
  }
}
