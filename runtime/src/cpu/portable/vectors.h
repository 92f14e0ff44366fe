// Vectors of kLanes fp32 elements, complex numbers of them, and the shuffles of a leaf. Compiled once for each width,
// with the instruction set of that width: all names here have internal linkage, so that no other part of the program
// gets a copy that its processor may not run.
#pragma once

#include <cstdint>
#include <utility>

#ifndef FFTCONV_LANES
#error "Define FFTCONV_LANES, the fp32 elements of a vector, before this header."
#endif

#define FFTCONV_INLINE [[gnu::always_inline]] inline
#if defined(__clang__)
#define FFTCONV_UNROLLED _Pragma("unroll")
#else
#define FFTCONV_UNROLLED _Pragma("GCC unroll 8")
#endif

namespace fftconv {
namespace {

constexpr int kLanes = FFTCONV_LANES;
constexpr std::int64_t kBlock =
    2 * kLanes;  ///< of the transform's memory: kLanes real parts, then the imaginary ones

using Vec = float __attribute__((vector_size(4 * kLanes)));
using UnalignedVec = float __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

struct Complex {
  float re, im;
};
struct ComplexVec {
  Vec re, im;
};

FFTCONV_INLINE ComplexVec load_block(const float* z) {
  return {*reinterpret_cast<const Vec*>(z), *reinterpret_cast<const Vec*>(z + kLanes)};
}
FFTCONV_INLINE void store_block(float* z, const ComplexVec& a) {
  *reinterpret_cast<Vec*>(z) = a.re;
  *reinterpret_cast<Vec*>(z + kLanes) = a.im;
}
FFTCONV_INLINE ComplexVec load_pair(const float* p) {
  return {*reinterpret_cast<const UnalignedVec*>(p), *reinterpret_cast<const UnalignedVec*>(p + kLanes)};
}
FFTCONV_INLINE void store_pair(float* p, const ComplexVec& a) {
  *reinterpret_cast<UnalignedVec*>(p) = a.re;
  *reinterpret_cast<UnalignedVec*>(p + kLanes) = a.im;
}

FFTCONV_INLINE ComplexVec operator+(const ComplexVec& a, const ComplexVec& b) { return {a.re + b.re, a.im + b.im}; }
FFTCONV_INLINE ComplexVec operator-(const ComplexVec& a, const ComplexVec& b) { return {a.re - b.re, a.im - b.im}; }

/// a w and a conj(w), for w of one complex number or of one for each lane.
template <class W>
FFTCONV_INLINE ComplexVec times(const ComplexVec& a, const W& w) {
  return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}
template <class W>
FFTCONV_INLINE ComplexVec times_conj(const ComplexVec& a, const W& w) {
  return {a.re * w.re + a.im * w.im, a.im * w.re - a.re * w.im};
}

/// Exchanges the upper half of each pair of `width` lanes of `a` with the lower half of that of `b`: a transposition
/// of 2 x 2 squares.
template <int width, int... I>
FFTCONV_INLINE void exchange_lanes(Vec& a, Vec& b, std::integer_sequence<int, I...>) {
  const Vec low = __builtin_shufflevector(a, b, (I / width % 2 == 0 ? I : kLanes + I - width)...);
  const Vec high = __builtin_shufflevector(a, b, (I / width % 2 == 0 ? I + width : kLanes + I)...);
  a = low;
  b = high;
}
template <int width>
FFTCONV_INLINE void exchange(ComplexVec& a, ComplexVec& b) {
  using Lanes = std::make_integer_sequence<int, kLanes>;
  exchange_lanes<width>(a.re, b.re, Lanes{});
  exchange_lanes<width>(a.im, b.im, Lanes{});
}

/// Transposes radix x radix squares of `unit` lanes each; its own inverse.
template <int radix, int unit>
FFTCONV_INLINE void transpose(ComplexVec* a) {
  if constexpr (radix == 4) {
    exchange<2 * unit>(a[0], a[2]);
    exchange<2 * unit>(a[1], a[3]);
    exchange<unit>(a[2], a[3]);
  }
  exchange<unit>(a[0], a[1]);
}

}  // namespace
}  // namespace fftconv
