// Vectors of `lanes` elements, complex numbers of them, and the two shuffles that every leaf is made of.
#pragma once
#include "shape.h"

#define FFTCONV_INLINE static inline __attribute__((always_inline))

// What the library calls. Functions of a kernel expect a stack aligned to vectors (-mstack-alignment): a spilled one
// that crosses a line of the cache costs twice, and compilers align what they spill only where the stack already is.
// The library's own stack need not be.
#if defined(__x86_64__)
#define FFTCONV_ENTRY extern "C" __attribute__((force_align_arg_pointer))
#else
#define FFTCONV_ENTRY extern "C"
#endif

typedef real vec __attribute__((vector_size(sizeof(real) * lanes)));

struct complex {
  real re, im;
};
struct cvec {
  vec re, im;
};

// A block of the transform's memory: `lanes` real parts, then `lanes` imaginary ones.
constexpr index block = 2 * lanes;

FFTCONV_INLINE cvec load_block(const real* z) { return {*(const vec*)z, *(const vec*)(z + lanes)}; }
FFTCONV_INLINE void store_block(real* z, const cvec& a) {
  *(vec*)z = a.re;
  *(vec*)(z + lanes) = a.im;
}

FFTCONV_INLINE cvec operator+(const cvec& a, const cvec& b) { return {a.re + b.re, a.im + b.im}; }
FFTCONV_INLINE cvec operator-(const cvec& a, const cvec& b) { return {a.re - b.re, a.im - b.im}; }

// a w and a conj(w), for w of one complex number or of one for each lane.
template <class W>
FFTCONV_INLINE cvec times(const cvec& a, const W& w) {
  return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}
template <class W>
FFTCONV_INLINE cvec times_conj(const cvec& a, const W& w) {
  return {a.re * w.re + a.im * w.im, a.im * w.re - a.re * w.im};
}
template <int sign, class W>
FFTCONV_INLINE cvec twiddled(const cvec& a, const W& w) {
  return sign > 0 ? times(a, w) : times_conj(a, w);
}

template <int... I>
struct Sequence {};
template <class T, T... I>
using SequenceOf = Sequence<I...>;
using Lanes = __make_integer_seq<SequenceOf, int, lanes>;

// Exchanges the upper half of each pair of `width` lanes of `a` with the lower half of that of `b`: a transposition
// of 2 x 2 squares.
template <int width, int... I>
FFTCONV_INLINE void exchange_lanes(vec& a, vec& b, Sequence<I...>) {
  const vec low = __builtin_shufflevector(a, b, (I / width % 2 == 0 ? I : lanes + I - width)...);
  const vec high = __builtin_shufflevector(a, b, (I / width % 2 == 0 ? I + width : lanes + I)...);
  a = low;
  b = high;
}
template <int width>
FFTCONV_INLINE void exchange(cvec& a, cvec& b) {
  exchange_lanes<width>(a.re, b.re, Lanes{});
  exchange_lanes<width>(a.im, b.im, Lanes{});
}

// Two steps of transposing squares of 4 x 4 units: rows to pairs of rows, pairs to columns. Each is an instruction
// with two operands, which a processor can do beside multiply-adds; the general shuffle with three cannot. Within 128
// bits pairs alternate (unpack), across them they stand one after the other.
template <int unit>
constexpr int paired_lane(int i, int half) {
  const int square = i / (4 * unit) * 4 * unit, at = i % (4 * unit) / unit, within = i % unit;
  if (unit == 1) return square + at / 2 + 2 * half + at % 2 * lanes;
  return square + (at % 2 + 2 * half) * unit + within + at / 2 * lanes;
}
template <int unit>
constexpr int column_lane(int i, int half) {
  const int square = i / (4 * unit) * 4 * unit, at = i % (4 * unit) / unit, within = i % unit;
  if (unit == 1) return square + at % 2 + 2 * half + at / 2 * lanes;
  return square + (at % 2 * 2 + half) * unit + within + at / 2 * lanes;
}
template <int unit, int... I>
FFTCONV_INLINE void transpose_squares(vec& a, vec& b, vec& c, vec& d, Sequence<I...>) {
  const vec ab0 = __builtin_shufflevector(a, b, (paired_lane<unit>(I, 0))...);
  const vec ab1 = __builtin_shufflevector(a, b, (paired_lane<unit>(I, 1))...);
  const vec cd0 = __builtin_shufflevector(c, d, (paired_lane<unit>(I, 0))...);
  const vec cd1 = __builtin_shufflevector(c, d, (paired_lane<unit>(I, 1))...);
  a = __builtin_shufflevector(ab0, cd0, (column_lane<unit>(I, 0))...);
  b = __builtin_shufflevector(ab0, cd0, (column_lane<unit>(I, 1))...);
  c = __builtin_shufflevector(ab1, cd1, (column_lane<unit>(I, 0))...);
  d = __builtin_shufflevector(ab1, cd1, (column_lane<unit>(I, 1))...);
}

// Transposes radix x radix squares of `unit` lanes each; its own inverse.
template <int radix, int unit>
FFTCONV_INLINE void transpose(cvec* a) {
  if constexpr (radix == 4 && (unit == 1 || (unit == 4 && lanes == 16))) {
    transpose_squares<unit>(a[0].re, a[1].re, a[2].re, a[3].re, Lanes{});
    transpose_squares<unit>(a[0].im, a[1].im, a[2].im, a[3].im, Lanes{});
    return;
  }
  if constexpr (radix == 4) {
    exchange<2 * unit>(a[0], a[2]);
    exchange<2 * unit>(a[1], a[3]);
    exchange<unit>(a[2], a[3]);
  }
  exchange<unit>(a[0], a[1]);
}

// What one row has in a vector: `columns` elements.
typedef real part __attribute__((vector_size(sizeof(real) * columns)));
typedef real unaligned_part __attribute__((vector_size(sizeof(real) * columns), aligned(sizeof(real)), may_alias));

// `columns` numbers, repeated for each row of the vector.
template <int... I>
FFTCONV_INLINE vec repeat_part(const part& p, Sequence<I...>) {
  return __builtin_shufflevector(p, p, (I % columns)...);
}
FFTCONV_INLINE vec repeated(const real* p) {
  const part once = *(const unaligned_part*)p;
  return repeat_part(once, Lanes{});
}
FFTCONV_INLINE cvec repeated_complex(const real* p) { return {repeated(p), repeated(p + columns)}; }

FFTCONV_INLINE vec joined(const part (&parts)[rows]) {
  vec v;
  __builtin_memcpy(&v, parts, sizeof v);
  return v;
}
FFTCONV_INLINE void separated(part (&parts)[rows], const vec& v) { __builtin_memcpy(parts, &v, sizeof v); }
