// A node of the tree is the ring of polynomials mod z^m - exp(2 pi i theta). Its R children have m / R and
// (theta + k) / R. Residues of a polynomial sum_j a_j(z) z^(j m / R) are
//     c_k = sum_j  a_j w^j exp(2 pi i j k / R),  w = exp(2 pi i theta / R),
// a twiddle of one number for each j, the same in all columns, and a DFT of R points. Nothing is ever reordered.
#pragma once
#include "dft.h"

template <int R>
FFTCONV_INLINE void split_columns(cvec* a, const complex* w) {
  if constexpr (R == 4) {
    twiddle_four(a, w[1], w[2], w[3]);
    finish_four(a);
    return;
  }
#pragma unroll
  for (int j = 1; j < R; ++j) a[j] = times(a[j], w[j]);
  dft<R, 1>(a);
}

// The way back. The factor 1 / R is in the filter's spectrum.
template <int R>
FFTCONV_INLINE void join_columns(cvec* a, const complex* w) {
  dft<R, -1>(a);
#pragma unroll
  for (int j = 1; j < R; ++j) a[j] = times_conj(a[j], w[j]);
}

template <int R>
FFTCONV_INLINE void load_twiddles(complex* w, const real* table) {
  w[0] = {1, 0};
#pragma unroll
  for (int j = 1; j < R; ++j) w[j] = {table[2 * j - 2], table[2 * j - 1]};
}

// A node's residues to those of its children, in place: R parts of `stride` blocks each, of which `count` from z on.
// Of the children only those whose bits are set in `kept` are there: all, but where a filter is frequency-sparse.
template <int R, unsigned kept = (1u << R) - 1>
static __attribute__((noinline)) void split(real* z, index stride, index count, const real* table) {
  complex w[R];
  load_twiddles<R>(w, table);
  for (index b = 0; b < count; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * block);
    if constexpr (R == 8)
      twiddled_dft_of_eight(a, w);
    else
      split_columns<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) {
      if (kept >> j & 1) store_block(z + (b + j * stride) * block, a[j]);
    }
  }
}

// The way back, with zeros for children that are not there.
template <int R, unsigned kept = (1u << R) - 1>
static __attribute__((noinline)) void join(real* z, index stride, index count, const real* table) {
  complex w[R];
  load_twiddles<R>(w, table);
  for (index b = 0; b < count; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) {
      a[j] = kept >> j & 1 ? load_block(z + (b + j * stride) * block) : cvec{vec{}, vec{}};
    }
    join_columns<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) store_block(z + (b + j * stride) * block, a[j]);
  }
}
