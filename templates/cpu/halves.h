// fp16 and bf16 in memory, fp32 in registers.
#pragma once
#include "vectors.h"

using sample = unsigned short;  // the bits of an fp16 or bf16

typedef unsigned int bits __attribute__((vector_size(4 * columns)));
typedef unsigned short half_bits __attribute__((vector_size(2 * columns)));

FFTCONV_INLINE bits choose(const bits& mask, const bits& yes, const bits& no) { return (mask & yes) | (~mask & no); }

FFTCONV_INLINE part f32_of_bf16(const half_bits& h) { return (part)(__builtin_convertvector(h, bits) << 16); }

// Round to nearest, ties to even; a NaN stays one.
FFTCONV_INLINE half_bits bf16_of_f32(const part& p) {
  const bits x = (bits)p;
  const bits rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
  const bits nan = (bits)((x & 0x7fffffffu) > 0x7f800000u);
  return __builtin_convertvector(choose(nan, (x >> 16) | 0x40u, rounded), half_bits);
}

#if FFTCONV_NATIVE_HALF
typedef _Float16 half_part __attribute__((vector_size(2 * columns)));
FFTCONV_INLINE part f32_of_f16(const half_bits& h) { return __builtin_convertvector((half_part)h, part); }
FFTCONV_INLINE half_bits f16_of_f32(const part& p) { return (half_bits) __builtin_convertvector(p, half_part); }
#else
// Without conversion instructions: exponents are moved by a multiplication, which also handles subnormals.
FFTCONV_INLINE part f32_of_f16(const half_bits& h) {
  const bits x = __builtin_convertvector(h, bits);
  const bits value = (bits)((part)((x & 0x7fffu) << 13) * 0x1p+112f);
  const bits special = (bits)((x & 0x7c00u) == 0x7c00u);  // infinity or NaN
  return (part)(value | (special & 0x7f800000u) | ((x & 0x8000u) << 16));
}
FFTCONV_INLINE half_bits f16_of_f32(const part& p) {
  const bits magnitude = (bits)p & 0x7fffffffu;
  const bits normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const bits subnormal = (bits)((part)magnitude + 0.5f) - 0x3f000000u;  // 0.5's last place is 2^-24, fp16's unit
  const bits nan = (bits)(magnitude > 0x7f800000u);
  bits h = choose((bits)(magnitude < 0x38800000u), subnormal, normal);
  h = choose((bits)(magnitude >= 0x47800000u), (nan & 0x0200u) | 0x7c00u, h);
  return __builtin_convertvector(h | (((bits)p >> 16) & 0x8000u), half_bits);
}
#endif

template <Type type>
FFTCONV_INLINE part widened_as(const half_bits& h) {
  if constexpr (type == Type::f16) return f32_of_f16(h);
  return f32_of_bf16(h);
}
template <Type type>
FFTCONV_INLINE half_bits narrowed_as(const part& v) {
  if constexpr (type == Type::f16) return f16_of_f32(v);
  return bf16_of_f32(v);
}
FFTCONV_INLINE part widened(const half_bits& h) { return widened_as<io_type>(h); }
FFTCONV_INLINE half_bits narrowed(const part& v) { return narrowed_as<io_type>(v); }
