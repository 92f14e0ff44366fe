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

// Keeps the spectrum a of this block and makes it the sum of all products, as many vectors at a time as registers
// hold.
FFTCONV_INLINE void multiply(cvec* a, const real* spectrum, const History& history) {
  constexpr int vectors = leaf_radix > 4 && lanes * sizeof(real) < 64 ? 4 : leaf_radix;
  real* const newest = history.rings + history.newest * place_floats;
  const index before = lesser(history.newest, history.earlier);  // at places below; the others at the ring's end
#pragma unroll
  for (int k = 0; k < leaf_radix; ++k) {
    store_block(newest + k * block, a[k]);
    a[k] = times(a[k], repeated_complex(spectrum + 2 * k * columns));
  }
#pragma unroll
  for (int first = 0; first < leaf_radix; first += vectors) {
    constexpr int last_vectors = leaf_radix % vectors == 0 ? vectors : leaf_radix % vectors;
    const real* const u = newest + first * block;
    const real* const k = spectrum + 2 * first * columns;
    const auto add = [&](const real* from, index partition, index count) {
      if (first + vectors <= leaf_radix)
        add_products<vectors>(a + first, from, k + partition * partition_floats, count);
      else
        add_products<last_vectors>(a + first, from, k + partition * partition_floats, count);
    };
    add(u - place_floats, 1, before);
    add(u + (partitions - 1 - history.newest) * place_floats, before + 1, history.earlier - before);
  }
}
