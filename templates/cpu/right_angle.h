// The root of a right-angle transform, mod z^M - i: its samples are real and of its output the real part is wanted.
// Its twiddles are w_j = exp(2 pi i j / 4R), which a quarter turn maps onto one another: exp(2 pi i / R) w_j is
// w_(j + 4). So twiddle, turn and butterfly are one sum of products. That is fewer instructions, and as many
// multiply-adds as additions, which processors do beside each other.
#pragma once
#include "node.h"

// Re(conj(w) a)
FFTCONV_INLINE vec real_part(const cvec& a, const complex& w) { return a.re * w.re + a.im * w.im; }

// Re(conj(w) a) + sign Re(conj(v) b), in a chain of multiply-adds.
template <int sign>
FFTCONV_INLINE vec real_part(const cvec& a, const complex& w, const cvec& b, const complex& v) {
  if constexpr (sign > 0) return real_part(a, w) + b.re * v.re + b.im * v.im;
  return real_part(a, w) - b.re * v.re - b.im * v.im;
}

// x w + y v of real x and y.
FFTCONV_INLINE cvec mixed(const vec& x, const complex& w, const vec& y, const complex& v) {
  return {x * w.re + y * v.re, x * w.im + y * v.im};
}

constexpr complex quarter_turned(const complex& w) { return {-w.im, w.re}; }
constexpr complex mirrored(const complex& w) { return {-w.re, w.im}; }

// sums[j] <- w_j a_j + w_(j + R/2) a_(j + R/2), differences[j] <- the difference of the two times exp(2 pi i j / R).
template <int R>
FFTCONV_INLINE void meet_real(const cvec* a, const complex* w, cvec* sums, cvec* differences) {
  constexpr int half = R / 2;
#pragma unroll
  for (int j = 0; j < half; ++j) {
    const vec x = a[j].re, y = a[j + half].re;
    const cvec first = j == 0 ? cvec{x, vec{}} : cvec{x * w[j].re, x * w[j].im};
    sums[j] = {first.re + y * w[j + half].re, first.im + y * w[j + half].im};
    const cvec difference = {first.re * (real)2 - sums[j].re, first.im * (real)2 - sums[j].im};
    if (j == 0)
      differences[j] = difference;
    else if (4 * j == R)
      differences[j] = rotated<1>(difference);
    else if (j == 1)  // of R = 8: w_5 x - w_9 y
      differences[j] = mixed(x, w[5], y, {w[1].im, -w[1].re});
    else  // w_15 x - w_19 y
      differences[j] = mixed(x, mirrored(w[1]), y, w[3]);
  }
}

template <int R>
FFTCONV_INLINE void split_real(cvec* a, const complex* w) {
  if constexpr (R == 2 || R == 4 || R == 8) {
    cvec sums[R / 2], differences[R / 2];
    meet_real<R>(a, w, sums, differences);
    dft<R / 2, 1>(sums);
    dft<R / 2, 1>(differences);
#pragma unroll
    for (int k = 0; k < R / 2; ++k) a[2 * k] = sums[k], a[2 * k + 1] = differences[k];
  } else {
    split_columns<R>(a, w);
  }
}

// The way back; imaginary parts are left undefined. Of the DFTs e of the even residues and o of the odd ones,
//     y_j = Re(conj(w_j) e_j) + Re(conj(w_j exp(2 pi i j / R)) o_j),  and y_(j + R/2) likewise with a minus.
template <int R>
FFTCONV_INLINE void join_real(cvec* a, const complex* w) {
  if constexpr (R == 2 || R == 4 || R == 8) {
    constexpr int half = R / 2;
    cvec even[half], odd[half];
#pragma unroll
    for (int k = 0; k < half; ++k) even[k] = a[2 * k], odd[k] = a[2 * k + 1];
    dft<half, -1>(even);
    dft<half, -1>(odd);
    a[0].re = even[0].re + odd[0].re;
    a[half].re = real_part(even[0] - odd[0], w[half]);
    if constexpr (R == 4) {
      a[1].re = real_part<1>(even[1], w[1], odd[1], quarter_turned(w[1]));
      a[3].re = real_part<-1>(even[1], w[3], odd[1], quarter_turned(w[3]));
    } else if constexpr (R == 8) {
      a[1].re = real_part<1>(even[1], w[1], odd[1], w[5]);
      a[2].re = real_part<1>(even[2], w[2], odd[2], quarter_turned(w[2]));
      a[3].re = real_part<1>(even[3], w[3], odd[3], mirrored(w[1]));
      a[5].re = real_part<-1>(even[1], w[5], odd[1], quarter_turned(w[1]));
      a[6].re = real_part<-1>(even[2], w[6], odd[2], quarter_turned(w[6]));
      a[7].re = real_part<1>(even[3], w[7], odd[3], w[3]);
    }
  } else {
    join_columns<R>(a, w);
  }
}
