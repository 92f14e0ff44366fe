// Rows in memory to fp32 and back, with gates and skip: what the root's passes read and write where the row itself
// will not do. fp16 and bf16 are converted by integer arithmetic, which every vector unit has.
#pragma once

#include "cpu/portable/vectors.h"
#include "fftconv/problem.h"

namespace fftconv {
namespace {

using Bits = std::uint32_t __attribute__((vector_size(4 * kLanes)));
using HalfBits = std::uint16_t __attribute__((vector_size(2 * kLanes)));

FFTCONV_INLINE Bits choose(const Bits& mask, const Bits& yes, const Bits& no) { return (mask & yes) | (~mask & no); }

FFTCONV_INLINE Vec f32_of_bf16(const HalfBits& h) {
  return reinterpret_cast<Vec>(__builtin_convertvector(h, Bits) << 16);
}
/// Round to nearest, ties to even; a NaN stays one.
FFTCONV_INLINE HalfBits bf16_of_f32(const Vec& p) {
  const Bits x = reinterpret_cast<Bits>(p);
  const Bits rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
  const Bits nan = reinterpret_cast<Bits>((x & 0x7fffffffu) > 0x7f800000u);
  return __builtin_convertvector(choose(nan, (x >> 16) | 0x40u, rounded), HalfBits);
}
/// Exponents are moved by a multiplication, which also handles subnormals.
FFTCONV_INLINE Vec f32_of_f16(const HalfBits& h) {
  const Bits x = __builtin_convertvector(h, Bits);
  const Bits value = reinterpret_cast<Bits>(reinterpret_cast<Vec>((x & 0x7fffu) << 13) * 0x1p+112f);
  const Bits special = reinterpret_cast<Bits>((x & 0x7c00u) == 0x7c00u);  // infinity or NaN
  return reinterpret_cast<Vec>(value | (special & 0x7f800000u) | ((x & 0x8000u) << 16));
}
FFTCONV_INLINE HalfBits f16_of_f32(const Vec& p) {
  const Bits magnitude = reinterpret_cast<Bits>(p) & 0x7fffffffu;
  const Bits normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // 0.5's last place is 2^-24, fp16's unit.
  const Bits subnormal = reinterpret_cast<Bits>(reinterpret_cast<Vec>(magnitude) + 0.5f) - 0x3f000000u;
  const Bits nan = reinterpret_cast<Bits>(magnitude > 0x7f800000u);
  Bits h = choose(reinterpret_cast<Bits>(magnitude < 0x38800000u), subnormal, normal);
  h = choose(reinterpret_cast<Bits>(magnitude >= 0x47800000u), (nan & 0x0200u) | 0x7c00u, h);
  return __builtin_convertvector(h | ((reinterpret_cast<Bits>(p) >> 16) & 0x8000u), HalfBits);
}

/// `count` samples, 1 .. kLanes; what is not there counts as 0.
template <DataType type>
FFTCONV_INLINE Vec load_samples(const void* row, std::int64_t at, std::int64_t count) {
  constexpr std::int64_t bytes = type == DataType::f32 ? 4 : 2;
  const char* from = static_cast<const char*>(row) + at * bytes;
  if constexpr (type == DataType::f32) {
    Vec v = {};
    __builtin_memcpy(&v, from, static_cast<std::size_t>(count * bytes));
    return v;
  } else {
    HalfBits h = {};
    __builtin_memcpy(&h, from, static_cast<std::size_t>(count * bytes));
    if constexpr (type == DataType::f16) return f32_of_f16(h);
    return f32_of_bf16(h);
  }
}
template <DataType type>
FFTCONV_INLINE void store_samples(void* row, std::int64_t at, std::int64_t count, const Vec& v) {
  constexpr std::int64_t bytes = type == DataType::f32 ? 4 : 2;
  char* to = static_cast<char*>(row) + at * bytes;
  if constexpr (type == DataType::f32) {
    __builtin_memcpy(to, &v, static_cast<std::size_t>(count * bytes));
  } else {
    const HalfBits h = type == DataType::f16 ? f16_of_f32(v) : bf16_of_f32(v);
    __builtin_memcpy(to, &h, static_cast<std::size_t>(count * bytes));
  }
}

/// Calls visit(first sample, samples) vector by vector; the last may be shorter.
template <class Visit>
FFTCONV_INLINE void for_each_vector(std::int64_t seqlen, const Visit& visit) {
  std::int64_t at = 0;
  for (; at + kLanes <= seqlen; at += kLanes) visit(at, kLanes);
  if (at < seqlen) visit(at, seqlen - at);
}

/// to = u * gate, padded with zeros to whole vectors. `gate` may be null.
template <DataType type>
void gather_row(float* to, const void* u, const void* gate, std::int64_t seqlen) {
  for_each_vector(
      seqlen, [&](std::int64_t at, std::int64_t count) __attribute__((always_inline)) {
        Vec v = load_samples<type>(u, at, count);
        if (gate) v *= load_samples<type>(gate, at, count);
        *reinterpret_cast<Vec*>(to + at) = v;
      });
}

/// y = from * gate + skip * u; `gate` may be null, `u` is null where there is no skip.
template <DataType type>
void scatter_row(void* y, const float* from, const void* gate, const void* u, float skip, std::int64_t seqlen) {
  for_each_vector(
      seqlen, [&](std::int64_t at, std::int64_t count) __attribute__((always_inline)) {
        Vec v = *reinterpret_cast<const Vec*>(from + at);
        if (gate) v *= load_samples<type>(gate, at, count);
        if (u) v += skip * load_samples<type>(u, at, count);
        store_samples<type>(y, at, count, v);
      });
}

struct RowMoves {
  void (*gather)(float*, const void*, const void*, std::int64_t);
  void (*scatter)(void*, const float*, const void*, const void*, float, std::int64_t);
};
template <DataType type>
constexpr RowMoves kMovesOf = {gather_row<type>, scatter_row<type>};

FFTCONV_INLINE const RowMoves& moves_of(DataType type) {
  return type == DataType::f32   ? kMovesOf<DataType::f32>
         : type == DataType::f16 ? kMovesOf<DataType::f16>
                                 : kMovesOf<DataType::bf16>;
}

}  // namespace
}  // namespace fftconv
