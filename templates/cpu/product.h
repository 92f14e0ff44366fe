// The product with the filter, at the leaves. An emitted kernel has one of this and delay.h.
#pragma once
#include "entry.h"

constexpr index leaf_spectrum_floats = 2 * leaf_radix * columns;  // from leaf to leaf: one row's

FFTCONV_INLINE real* spectrum_of(const fftconv_args& args, index filter) {
  return (real*)args.spectrum + filter * 2 * length;
}
// Where the spectrum of number `made` of those that are made begins.
FFTCONV_INLINE real* made_spectrum(const fftconv_args& args, index made) { return spectrum_of(args, made); }

// What an item's earlier blocks add to its products: there are none.
struct History {};
FFTCONV_INLINE History history_of(const fftconv_args&, index) { return {}; }
FFTCONV_INLINE History at_leaf(const History& history, index) { return history; }

FFTCONV_INLINE void multiply(cvec* a, const real* spectrum, const History&) {
#pragma unroll
  for (int k = 0; k < leaf_radix; ++k) a[k] = times(a[k], repeated_complex(spectrum + 2 * k * columns));
}
