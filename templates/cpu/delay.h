// Blocks of streams with a filter that is longer than the block: `partitions` filters K_p of L taps, each a block
// later than the one before. Products mod z^M - i (or mod z^M - 1, paired and twice as long) keep all that a block
// and L taps make, so they may be added up at the leaves:
//     S_n = sum_p U_(n - p) K_p,
// and a block costs one way there and one way back, however long the filter is. Of each leaf the spectra of the last
// blocks stand side by side, a ring with the place n mod `partitions` for block n, and so do those of the filters.
#pragma once
#include "entry.h"

constexpr index partition_floats = 2 * leaf_radix * columns;  // of a leaf's spectrum: one row's
constexpr index leaf_spectrum_floats = partitions * partition_floats;
constexpr index place_floats = leaf_radix * block;  // of a leaf's ring

FFTCONV_INLINE real* spectrum_of(const fftconv_args& args, index filter) {
  return (real*)args.spectrum + filter * partitions * 2 * length;
}
// Where the spectrum of number `made` of those that are made, partition after partition, begins.
FFTCONV_INLINE real* made_spectrum(const fftconv_args& args, index made) {
  return spectrum_of(args, made / partitions) + made % partitions * partition_floats;
}

struct History {
  real* rings;
  index newest;   // place of this block
  index earlier;  // blocks that the filter reaches back to and that there were
};
FFTCONV_INLINE History history_of(const fftconv_args& args, index item) {
  real* const rings = (real*)args.history + item * partitions * (length / columns) * block;
  return {rings, args.blocks % partitions, lesser(args.blocks, partitions - 1)};
}
FFTCONV_INLINE History at_leaf(const History& history, index leaf) {
  return {history.rings + leaf * partitions * place_floats, history.newest, history.earlier};
}

// Adds the products of `count` neighbouring places, from `u` backwards, with as many partitions, from `k` forwards.
template <int vectors>
FFTCONV_INLINE void add_products(cvec* sum, const real* u, const real* k, index count) {
  for (index p = 0; p < count; ++p, u -= place_floats, k += partition_floats) {
#pragma unroll
    for (int i = 0; i < vectors; ++i) {
      const cvec a = load_block(u + i * block), w = repeated_complex(k + 2 * i * columns);
      sum[i].re += a.re * w.re;
      sum[i].im += a.re * w.im;
      sum[i].re -= a.im * w.im;
      sum[i].im += a.im * w.re;
    }
  }
}

// Adds to vectors first … of a the products of earlier blocks, as many vectors at a time as registers hold. `before`
// of these blocks stand below the newest one, the others at the ring's end.
template <int first>
FFTCONV_INLINE void add_earlier(cvec* a, const real* spectrum, const History& history, index before) {
  constexpr int most = lanes * sizeof(real) < 64 ? 4 : 8, left = leaf_radix - first;
  if constexpr (left > 0) {
    constexpr int vectors = left < most ? left : most;
    const real* const below = history.rings + (history.newest - 1) * place_floats + first * block;
    const real* const end = history.rings + (partitions - 1) * place_floats + first * block;
    const real* const k = spectrum + partition_floats + 2 * first * columns;
    add_products<vectors>(a + first, below, k, before);
    add_products<vectors>(a + first, end, k + before * partition_floats, history.earlier - before);
    add_earlier<first + vectors>(a, spectrum, history, before);
  }
}

// Keeps the spectrum a of this block and makes it the sum of all products.
FFTCONV_INLINE void multiply(cvec* a, const real* spectrum, const History& history) {
  real* const newest = history.rings + history.newest * place_floats;
#pragma unroll
  for (int k = 0; k < leaf_radix; ++k) {
    store_block(newest + k * block, a[k]);
    a[k] = times(a[k], repeated_complex(spectrum + 2 * k * columns));
  }
  add_earlier<0>(a, spectrum, history, lesser(history.newest, history.earlier));
}
