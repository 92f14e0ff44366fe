// Discrete Fourier transforms of 1 to 8 points and the passes made of them. A node of the tree is the ring of
// polynomials mod z^m - exp(2 pi i theta); its R children have m / R and (theta + k) / R. Residues are
//     c_k = sum_j  a_j w^j exp(2 pi i j k / R),  w = exp(2 pi i theta / R):
// a twiddle of one number for each j, the same in all columns, and a DFT of R points. See templates/cpu/node.h.
#pragma once

#include "cpu/portable/vectors.h"

namespace fftconv {
namespace {

/// sign i a
template <int sign>
FFTCONV_INLINE ComplexVec rotated(const ComplexVec& a) {
  if constexpr (sign > 0) return {-a.im, a.re};
  return {a.im, -a.re};
}

/// cos and sin of 2 pi j / R.
template <int R>
constexpr Complex kRoots[R] = {};
template <>
constexpr Complex kRoots<3>[3] = {{1, 0}, {-0x1p-1f, 0x1.bb67aep-1f}, {-0x1p-1f, -0x1.bb67aep-1f}};
template <>
constexpr Complex kRoots<5>[5] = {{1, 0},
                                  {0x1.3c6ef4p-2f, 0x1.e6f0e2p-1f},
                                  {-0x1.9e377ap-1f, 0x1.2cf23p-1f},
                                  {-0x1.9e377ap-1f, -0x1.2cf23p-1f},
                                  {0x1.3c6ef4p-2f, -0x1.e6f0e2p-1f}};
template <>
constexpr Complex kRoots<7>[7] = {{1, 0},
                                  {0x1.3f3a0ep-1f, 0x1.904c38p-1f},
                                  {-0x1.c7b90ep-3f, 0x1.f329cp-1f},
                                  {-0x1.cd4bcap-1f, 0x1.bc4c04p-2f},
                                  {-0x1.cd4bcap-1f, -0x1.bc4c04p-2f},
                                  {-0x1.c7b90ep-3f, -0x1.f329cp-1f},
                                  {0x1.3f3a0ep-1f, -0x1.904c38p-1f}};

/// Odd R: the pairs (j, R - j) and (k, R - k) share their products.
template <int R, int sign>
FFTCONV_INLINE void dft_odd(ComplexVec* a) {
  constexpr int half = R / 2;
  ComplexVec sum[half], difference[half];
  const ComplexVec first = a[0];
  FFTCONV_UNROLLED
  for (int j = 0; j < half; ++j) {
    sum[j] = a[j + 1] + a[R - 1 - j];
    difference[j] = rotated<sign>(a[j + 1] - a[R - 1 - j]);
    a[0] = a[0] + sum[j];
  }
  FFTCONV_UNROLLED
  for (int k = 1; k <= half; ++k) {
    ComplexVec even = first, odd = {Vec{}, Vec{}};
    FFTCONV_UNROLLED
    for (int j = 0; j < half; ++j) {
      const Complex w = kRoots<R>[(j + 1) * k % R];
      even = {even.re + sum[j].re * w.re, even.im + sum[j].im * w.re};
      odd = {odd.re + difference[j].re * w.im, odd.im + difference[j].im * w.im};
    }
    a[k] = even + odd;
    a[R - k] = even - odd;
  }
}

/// a_k <- sum_j a_j exp(sign 2 pi i j k / R), in place.
template <int R, int sign>
FFTCONV_INLINE void dft(ComplexVec* a) {
  if constexpr (R == 2) {
    const ComplexVec d = a[0] - a[1];
    a[0] = a[0] + a[1];
    a[1] = d;
  } else if constexpr (R == 4) {
    const ComplexVec s0 = a[0] + a[2], d0 = a[0] - a[2];
    const ComplexVec s1 = a[1] + a[3], d1 = rotated<sign>(a[1] - a[3]);
    a[0] = s0 + s1;
    a[1] = d0 + d1;
    a[2] = s0 - s1;
    a[3] = d0 - d1;
  } else if constexpr (R == 8) {
    constexpr float h = 0x1.6a09e6p-1f;  // sqrt(1/2)
    ComplexVec even[4] = {a[0], a[2], a[4], a[6]}, odd[4] = {a[1], a[3], a[5], a[7]};
    dft<4, sign>(even);
    dft<4, sign>(odd);
    odd[1] = times(odd[1], Complex{h, sign * h});
    odd[2] = rotated<sign>(odd[2]);
    odd[3] = times(odd[3], Complex{-h, sign * h});
    FFTCONV_UNROLLED
    for (int k = 0; k < 4; ++k) {
      a[k] = even[k] + odd[k];
      a[k + 4] = even[k] - odd[k];
    }
  } else if constexpr (R > 1) {
    dft_odd<R, sign>(a);
  }
}

/// w[0] is not used.
template <int R>
FFTCONV_INLINE void split_columns(ComplexVec* a, const Complex* w) {
  FFTCONV_UNROLLED
  for (int j = 1; j < R; ++j) a[j] = times(a[j], w[j]);
  dft<R, 1>(a);
}

/// The way back. The factor 1 / R is in the filter's spectrum.
template <int R>
FFTCONV_INLINE void join_columns(ComplexVec* a, const Complex* w) {
  dft<R, -1>(a);
  FFTCONV_UNROLLED
  for (int j = 1; j < R; ++j) a[j] = times_conj(a[j], w[j]);
}

template <int R>
FFTCONV_INLINE void load_twiddles(Complex* w, const float* table) {
  w[0] = {1, 0};
  FFTCONV_UNROLLED
  for (int j = 1; j < R; ++j) w[j] = {table[2 * j - 2], table[2 * j - 1]};
}

/// A node's residues to those of its children, in place: R parts of `stride` blocks each.
template <int R>
void split(float* z, std::int64_t stride, const float* table) {
  Complex w[R];
  load_twiddles<R>(w, table);
  for (std::int64_t b = 0; b < stride; ++b) {
    ComplexVec a[R];
    FFTCONV_UNROLLED
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * kBlock);
    split_columns<R>(a, w);
    FFTCONV_UNROLLED
    for (int j = 0; j < R; ++j) store_block(z + (b + j * stride) * kBlock, a[j]);
  }
}

template <int R>
void join(float* z, std::int64_t stride, const float* table) {
  Complex w[R];
  load_twiddles<R>(w, table);
  for (std::int64_t b = 0; b < stride; ++b) {
    ComplexVec a[R];
    FFTCONV_UNROLLED
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * kBlock);
    join_columns<R>(a, w);
    FFTCONV_UNROLLED
    for (int j = 0; j < R; ++j) store_block(z + (b + j * stride) * kBlock, a[j]);
  }
}

/// The root's pass over a real row, of which the first `samples` blocks are there.
template <int R>
void split_row(const float* row, std::int64_t samples, float* z, std::int64_t stride, const float* table) {
  Complex w[R];
  load_twiddles<R>(w, table);
  const auto pass = [&](std::int64_t first, std::int64_t last, int parts) __attribute__((always_inline)) {
    for (std::int64_t b = first; b < last; ++b) {
      ComplexVec a[R];
      FFTCONV_UNROLLED
      for (int j = 0; j < R; ++j) {
        a[j] = {Vec{}, Vec{}};
        if (j < parts) a[j].re = *reinterpret_cast<const UnalignedVec*>(row + (b + j * stride) * kLanes);
      }
      split_columns<R>(a, w);
      FFTCONV_UNROLLED
      for (int j = 0; j < R; ++j) store_block(z + (b + j * stride) * kBlock, a[j]);
    }
  };
  const auto whole = static_cast<int>(samples / stride);
  const std::int64_t rest = samples % stride;
  if (whole == R) return pass(0, stride, R);
  pass(0, rest, whole + 1);
  pass(rest, stride, whole);
}

/// The root's way back: only the real part is wanted, and of that the first `samples` blocks.
template <int R>
void join_row(float* row, std::int64_t samples, const float* z, std::int64_t stride, const float* table) {
  Complex w[R];
  load_twiddles<R>(w, table);
  const auto pass = [&](std::int64_t first, std::int64_t last, int parts) __attribute__((always_inline)) {
    for (std::int64_t b = first; b < last; ++b) {
      ComplexVec a[R];
      FFTCONV_UNROLLED
      for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * kBlock);
      join_columns<R>(a, w);
      FFTCONV_UNROLLED
      for (int j = 0; j < R; ++j) {
        if (j < parts) *reinterpret_cast<UnalignedVec*>(row + (b + j * stride) * kLanes) = a[j].re;
      }
    }
  };
  const auto whole = static_cast<int>(samples / stride);
  const std::int64_t rest = samples % stride;
  if (whole == R) return pass(0, stride, R);
  pass(0, rest, whole + 1);
  pass(rest, stride, whole);
}

/// The passes of one radix.
struct Passes {
  void (*split)(float*, std::int64_t, const float*) = nullptr;
  void (*join)(float*, std::int64_t, const float*) = nullptr;
  void (*split_row)(const float*, std::int64_t, float*, std::int64_t, const float*) = nullptr;
  void (*join_row)(float*, std::int64_t, const float*, std::int64_t, const float*) = nullptr;
};
template <int R>
constexpr Passes kPassesOf = {split<R>, join<R>, split_row<R>, join_row<R>};

/// By radix.
constexpr Passes kPasses[9] = {{},           kPassesOf<1>, kPassesOf<2>, kPassesOf<3>, kPassesOf<4>,
                               kPassesOf<5>, {},           kPassesOf<7>, kPassesOf<8>};

}  // namespace
}  // namespace fftconv
