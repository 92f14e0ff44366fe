// Discrete Fourier transforms of 1 to 8 points: a_k <- sum_j a_j exp(sign 2 pi i j k / R), in place.
#pragma once
#include "vectors.h"

// sign i a
template <int sign>
FFTCONV_INLINE cvec rotated(const cvec& a) {
  if constexpr (sign > 0) return {-a.im, a.re};
  return {a.im, -a.re};
}

// cos and sin of 2 pi j / R.
template <int R>
constexpr complex root_of_unity[R] = {};
template <>
constexpr complex root_of_unity<3>[3] = {
    {1, 0}, {(real)-0x1p-1, (real)0x1.bb67ae8584caap-1}, {(real)-0x1p-1, (real)-0x1.bb67ae8584caap-1}};
template <>
constexpr complex root_of_unity<5>[5] = {{1, 0},
                                         {(real)0x1.3c6ef372fe95p-2, (real)0x1.e6f0e134454ffp-1},
                                         {(real)-0x1.9e3779b97f4a8p-1, (real)0x1.2cf2304755a5ep-1},
                                         {(real)-0x1.9e3779b97f4a8p-1, (real)-0x1.2cf2304755a5ep-1},
                                         {(real)0x1.3c6ef372fe95p-2, (real)-0x1.e6f0e134454ffp-1}};
template <>
constexpr complex root_of_unity<7>[7] = {{1, 0},
                                         {(real)0x1.3f3a0e28bedd1p-1, (real)0x1.904c37505de4bp-1},
                                         {(real)-0x1.c7b90e3024582p-3, (real)0x1.f329c0558e969p-1},
                                         {(real)-0x1.cd4bca9cb5c71p-1, (real)0x1.bc4c04d71abc1p-2},
                                         {(real)-0x1.cd4bca9cb5c71p-1, (real)-0x1.bc4c04d71abc1p-2},
                                         {(real)-0x1.c7b90e3024582p-3, (real)-0x1.f329c0558e969p-1},
                                         {(real)0x1.3f3a0e28bedd1p-1, (real)-0x1.904c37505de4bp-1}};

// Odd R: the pairs (j, R - j) and (k, R - k) share their products.
template <int R, int sign>
FFTCONV_INLINE void dft_odd(cvec* a) {
  constexpr int half = R / 2;
  cvec sum[half], difference[half];
#pragma unroll
  for (int j = 0; j < half; ++j) {
    sum[j] = a[j + 1] + a[R - 1 - j];
    difference[j] = rotated<sign>(a[j + 1] - a[R - 1 - j]);
  }
  const cvec first = a[0];
#pragma unroll
  for (int j = 0; j < half; ++j) a[0] = a[0] + sum[j];
#pragma unroll
  for (int k = 1; k <= half; ++k) {
    cvec even = first, odd = {vec{}, vec{}};
#pragma unroll
    for (int j = 0; j < half; ++j) {
      const complex w = root_of_unity<R>[(j + 1) * k % R];
      even = {even.re + sum[j].re * w.re, even.im + sum[j].im * w.re};
      odd = {odd.re + difference[j].re * w.im, odd.im + difference[j].im * w.im};
    }
    a[k] = even + odd;
    a[R - k] = even - odd;
  }
}

template <int R, int sign>
FFTCONV_INLINE void dft(cvec* a) {
  if constexpr (R == 2) {
    const cvec d = a[0] - a[1];
    a[0] = a[0] + a[1];
    a[1] = d;
  } else if constexpr (R == 4) {
    const cvec s0 = a[0] + a[2], d0 = a[0] - a[2];
    const cvec s1 = a[1] + a[3], d1 = rotated<sign>(a[1] - a[3]);
    a[0] = s0 + s1;
    a[1] = d0 + d1;
    a[2] = s0 - s1;
    a[3] = d0 - d1;
  } else if constexpr (R == 8) {
    constexpr real h = (real)0x1.6a09e667f3bcdp-1;  // sqrt(1/2)
    cvec even[4] = {a[0], a[2], a[4], a[6]}, odd[4] = {a[1], a[3], a[5], a[7]};
    dft<4, sign>(even);
    dft<4, sign>(odd);
    odd[1] = twiddled<sign>(odd[1], complex{h, h});
    odd[2] = rotated<sign>(odd[2]);
    odd[3] = twiddled<sign>(odd[3], complex{-h, h});
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      a[k] = even[k] + odd[k];
      a[k + 4] = even[k] - odd[k];
    }
  } else if constexpr (R > 1) {
    dft_odd<R, sign>(a);
  }
}

// x <- x + w y, y <- x - w y, in six multiply-adds: x - w y is 2 x - (x + w y).
template <class W>
FFTCONV_INLINE void meet(cvec& x, cvec& y, const W& w) {
  const cvec sum = {(x.re - y.im * w.im) + y.re * w.re, (x.im + y.im * w.re) + y.re * w.im};
  y = {x.re * (real)2 - sum.re, x.im * (real)2 - sum.im};
  x = sum;
}

// Twiddles and DFT of four points together, in two halves. With the odd two met like the even ones there would be
// fewer instructions, but they wait longer for one another: leaves were slower.
template <class W>
FFTCONV_INLINE void twiddle_four(cvec* a, const W& w1, const W& w2, const W& w3) {
  a[1] = times(a[1], w1);
  meet(a[0], a[2], w2);
  a[3] = times(a[3], w3);
}
FFTCONV_INLINE void finish_four(cvec* a) {
  const cvec s0 = a[0], d0 = a[2];
  const cvec s1 = a[1] + a[3], d1 = rotated<1>(a[1] - a[3]);
  a[0] = s0 + s1;
  a[1] = d0 + d1;
  a[2] = s0 - s1;
  a[3] = d0 - d1;
}

// Twiddles and DFT of eight points together, with as many multiply-adds as additions: processors do one beside the
// other. For nodes, whose columns do not wait for one another; leaves were slower with it.
FFTCONV_INLINE void twiddled_dft_of_eight(cvec* a, const complex* w) {
  constexpr real h = (real)0x1.6a09e667f3bcdp-1;  // sqrt(1/2)
#pragma unroll
  for (int j = 1; j < 4; ++j) a[j] = times(a[j], w[j]);
#pragma unroll
  for (int j = 0; j < 4; ++j) meet(a[j], a[j + 4], w[j + 4]);
  cvec even[4] = {a[0], a[1], a[2], a[3]};
  cvec odd[4] = {a[4],
                 {(a[5].re - a[5].im) * h, (a[5].re + a[5].im) * h},
                 rotated<1>(a[6]),
                 {(a[7].re + a[7].im) * -h, (a[7].re - a[7].im) * h}};
  dft<4, 1>(even);
  dft<4, 1>(odd);
#pragma unroll
  for (int k = 0; k < 4; ++k) a[2 * k] = even[k], a[2 * k + 1] = odd[k];
}
