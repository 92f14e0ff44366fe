// A leaf: leaf_radix vectors, in registers from the last loads to the product with the filter and back. One radix
// runs down the vectors, the others run along the lanes of one row, each after a transposition that brings its digit
// from the lanes to the vectors. `count` neighbouring leaves go side by side, so that shuffles of one overlap
// arithmetic of another.
#pragma once
#include "node.h"

// Radices along `width` lanes.
template <int width>
struct AlongLanes {
  static constexpr int radix = width % 4 == 0 ? 4 : 2;
  static constexpr int unit = width / radix;
  static constexpr int groups = leaf_radix / radix;
  static constexpr int table_floats = groups * (radix - 1) * 2 * columns;
  using Next = AlongLanes<unit>;
  static constexpr int total_floats = table_floats + Next::total_floats;
  static constexpr int scalars = radix - 1 + Next::scalars;

  FFTCONV_INLINE cvec twiddle(const float* table, const float* scalar, int group, int j) {
    const cvec w = repeated_complex(table + (group * (radix - 1) + j - 1) * 2 * columns);
    if constexpr (computed_twiddles) return times(w, complex{scalar[2 * j - 2], scalar[2 * j - 1]});
    return w;
  }
  FFTCONV_INLINE void split(cvec* a, const float* table, const float* scalar) {
#pragma unroll
    for (int g = 0; g < groups; ++g) {
      transpose<radix, unit>(a + g * radix);
#pragma unroll
      for (int j = 1; j < radix; ++j) a[g * radix + j] = times(a[g * radix + j], twiddle(table, scalar, g, j));
      dft<radix, 1>(a + g * radix);
    }
    Next::split(a, table + table_floats, scalar + 2 * (radix - 1));
  }
  FFTCONV_INLINE void join(cvec* a, const float* table, const float* scalar) {
    Next::join(a, table + table_floats, scalar + 2 * (radix - 1));
#pragma unroll
    for (int g = 0; g < groups; ++g) {
      dft<radix, -1>(a + g * radix);
#pragma unroll
      for (int j = 1; j < radix; ++j) a[g * radix + j] = times_conj(a[g * radix + j], twiddle(table, scalar, g, j));
      transpose<radix, unit>(a + g * radix);
    }
  }
};
template <>
struct AlongLanes<1> {
  static constexpr int total_floats = 0;
  static constexpr int scalars = 0;
  FFTCONV_INLINE void split(cvec*, const float*, const float*) {}
  FFTCONV_INLINE void join(cvec*, const float*, const float*) {}
};
using Along = AlongLanes<columns>;

constexpr index leaf_floats = leaf_radix * block;                 // of the transform's memory
constexpr index leaf_spectrum_floats = 2 * leaf_radix * columns;  // of the spectrum: one row's
constexpr index leaf_scalar_floats = 2 * (leaf_radix - 1) + (computed_twiddles ? 2 * Along::scalars : 0);
constexpr index leaf_table_floats = computed_twiddles ? 0 : Along::total_floats;

// Leaves `leaf` to leaf + count - 1, at z. forward_only: writes their spectrum; else multiplies by it and goes back.
template <int count, bool forward_only>
FFTCONV_INLINE void leaves(float* z, float* spectrum, const float* scalars, const float* tables, index leaf) {
  cvec a[count][leaf_radix];
  complex w[count][leaf_radix];
  const float* scalar[count];
  const float* table[count];
#pragma unroll
  for (int c = 0; c < count; ++c) {
    scalar[c] = scalars + (leaf + c) * leaf_scalar_floats;
    table[c] = tables + (leaf + c) * leaf_table_floats;
    load_twiddles<leaf_radix>(w[c], scalar[c]);
    scalar[c] += 2 * (leaf_radix - 1);
#pragma unroll
    for (int k = 0; k < leaf_radix; ++k) a[c][k] = load_block(z + c * leaf_floats + k * block);
    split_columns<leaf_radix>(a[c], w[c]);
  }
#pragma unroll
  for (int c = 0; c < count; ++c) Along::split(a[c], table[c], scalar[c]);
#pragma unroll
  for (int c = 0; c < count; ++c) {
    float* s = spectrum + (leaf + c) * leaf_spectrum_floats;
#pragma unroll
    for (int k = 0; k < leaf_radix; ++k) {
      if constexpr (forward_only) {
        part re[rows], im[rows];
        separated(re, a[c][k].re);
        separated(im, a[c][k].im);
        *(unaligned_part*)(s + 2 * k * columns) = re[0];
        *(unaligned_part*)(s + (2 * k + 1) * columns) = im[0];
      } else {
        a[c][k] = times(a[c][k], repeated_complex(s + 2 * k * columns));
      }
    }
  }
  if constexpr (forward_only) return;
#pragma unroll
  for (int c = 0; c < count; ++c) Along::join(a[c], table[c], scalar[c]);
#pragma unroll
  for (int c = 0; c < count; ++c) {
    join_columns<leaf_radix>(a[c], w[c]);
#pragma unroll
    for (int k = 0; k < leaf_radix; ++k) store_block(z + c * leaf_floats + k * block, a[c][k]);
  }
}

// `count` leaves from number `first` on, `interleave` at a time.
template <bool forward_only>
static __attribute__((noinline)) void leaf_run(float* z, float* spectrum, const float* scalars, const float* tables,
                                               index first, index count) {
  index i = 0;
  for (; i + interleave <= count; i += interleave) {
    leaves<interleave, forward_only>(z + i * leaf_floats, spectrum, scalars, tables, first + i);
  }
  for (; i < count; ++i) leaves<1, forward_only>(z + i * leaf_floats, spectrum, scalars, tables, first + i);
}
