// Included by lane_math_generic.cpp and lane_math_avx2.cpp inside a namespace of their own, compiled for different
// instruction sets. Includes nothing: an inline function of a header would be shared between the two.

constexpr int width = 8;
typedef float Floats __attribute__((vector_size(32)));
typedef std::uint32_t Bits __attribute__((vector_size(32)));
typedef std::int32_t Ints __attribute__((vector_size(32)));
typedef std::uint16_t Halves __attribute__((vector_size(16)));

inline Bits load(const std::uint32_t* from) {
  Bits v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void store(std::uint32_t* to, Bits v) { __builtin_memcpy(to, &v, sizeof v); }

inline Bits choose(Ints condition, Bits yes, Bits no) {
  const Bits mask = (Bits)condition;
  return (yes & mask) | (no & ~mask);
}

// Halves in the low 16 bits to floats, exactly. Shifted into place a half is 2^112 too small, subnormals included.
inline Floats widen_f16(Bits half) {
  const Bits magnitude = half & 0x7fffu;
  const Floats scaled = (Floats)(magnitude << 13) * 0x1p112f;
  const Bits special = (Bits)(magnitude >= 0x7c00u) & 0x7f800000u;
  return (Floats)((Bits)scaled | special | (half & 0x8000u) << 16);
}

inline Floats widen_bf16(Bits half) { return (Floats)(half << 16); }

// Floats to halves, to nearest even.
inline Bits narrow_f16(Floats value) {
  const Bits bits = (Bits)value;
  const Bits sign = bits >> 16 & 0x8000u;
  const Bits magnitude = bits & 0x7fffffffu;
  const Bits normal = (magnitude + 0xfffu + (magnitude >> 13 & 1u) - (112u << 23)) >> 13;
  // Adding 0.5 lines the fraction up with the spacing of subnormal halves, and rounds.
  const Bits subnormal = (Bits)((Floats)magnitude + 0.5f) - 0x3f000000u;
  Bits half = choose(magnitude < 0x38800000u, subnormal, normal);
  half = choose(magnitude >= 0x477ff000u, Bits{} + 0x7c00u, half);
  half = choose(magnitude > 0x7f800000u, Bits{} + 0x7e00u, half);
  return half | sign;
}

inline Bits narrow_bf16(Floats value) {
  const Bits bits = (Bits)value;
  const Bits rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return choose((bits & 0x7fffffffu) > 0x7f800000u, bits >> 16 | 0x40u, rounded);
}

// a b + c where a b is exact, rounded to odd: rounding the result once more to a shorter format is then right.
inline Floats fma_to_odd(Floats a, Floats b, Floats c) {
  const Floats product = a * b;
  const Floats sum = product + c;
  const Floats part = sum - product;
  const Floats error = (product - (sum - part)) + (c - part);
  const Ints inexact = (error > 0.0f) | (error < 0.0f);
  const Bits bits = (Bits)sum;
  const Ints even = (bits & 1u) == 0u;
  // Towards the error: up in magnitude where the signs agree, else down.
  const Bits step = choose((Ints)((Bits)error ^ bits) >= 0, Bits{} + 1u, Bits{} - 1u);
  return (Floats)(bits + ((Bits)(inexact & even) & step));
}

// The same for one lane through fp64, where any product of two bf16 is exact.
inline float fma_to_odd_wide(double a, double b, double c) {
  const double product = a * b;
  const double sum = product + c;
  const double part = sum - product;
  const double error = (product - (sum - part)) + (c - part);
  float result = (float)sum;
  const bool finite = sum - sum == 0.0 && result - result == 0.0f;
  if (!finite || ((double)result == sum && error == 0.0)) return result;
  // The true sum lies beside `result`, on the side that the first of the two roundings that was not exact says.
  const bool above = (double)result == sum ? error > 0.0 : sum > (double)result;
  std::uint32_t bits;
  __builtin_memcpy(&bits, &result, sizeof bits);
  if ((bits & 1u) == 0u) {
    if (result == 0.0f) {
      bits = above ? 1u : 0x80000001u;
    } else {
      bits += above == (result > 0.0f) ? 1u : -1u;
    }
  }
  __builtin_memcpy(&result, &bits, sizeof bits);
  return result;
}

// fma_to_odd for any bf16: fp32 holds their products exactly unless they are very large or very small.
inline Floats fma_to_odd_bf16(Floats a, Floats b, Floats c) {
  Floats result = fma_to_odd(a, b, c);
  const Bits magnitude = (Bits)(a * b) & 0x7fffffffu;
  const Ints rare = ((magnitude >= 0x7f000000u) | (magnitude < 0x0b000000u)) & (a != 0.0f) & (b != 0.0f);
  int any = 0;
  for (int i = 0; i < width; ++i) any |= rare[i];
  if (any == 0) return result;
  for (int i = 0; i < width; ++i) {
    if (rare[i]) result[i] = fma_to_odd_wide(a[i], b[i], c[i]);
  }
  return result;
}

// Applies `operation` to eight words at a time; a shorter rest goes through a buffer.
template <class Operation>
inline void for_words(std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c, int n,
                      Operation operation) {
  int i = 0;
  for (; i + width <= n; i += width) store(d + i, operation(load(a + i), load(b + i), load(c + i)));
  if (i == n) return;
  const auto rest = static_cast<unsigned long>(n - i) * 4u;
  Bits va{}, vb{}, vc{};
  __builtin_memcpy(&va, a + i, rest);
  __builtin_memcpy(&vb, b + i, rest);
  __builtin_memcpy(&vc, c + i, rest);
  const Bits vd = operation(va, vb, vc);
  __builtin_memcpy(d + i, &vd, rest);
}

inline const std::uint32_t* words(const float* values) { return reinterpret_cast<const std::uint32_t*>(values); }

void f16x2_add(std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b, int n) {
  for_words(d, a, b, b, n, [](Bits x, Bits y, Bits) {
    const Bits low = narrow_f16(widen_f16(x & 0xffffu) + widen_f16(y & 0xffffu));
    const Bits high = narrow_f16(widen_f16(x >> 16) + widen_f16(y >> 16));
    return low | high << 16;
  });
}

void f16x2_mul(std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b, int n) {
  for_words(d, a, b, b, n, [](Bits x, Bits y, Bits) {
    const Bits low = narrow_f16(widen_f16(x & 0xffffu) * widen_f16(y & 0xffffu));
    const Bits high = narrow_f16(widen_f16(x >> 16) * widen_f16(y >> 16));
    return low | high << 16;
  });
}

void f16x2_fma(std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c, int n) {
  for_words(d, a, b, c, n, [](Bits x, Bits y, Bits z) {
    const Bits low = narrow_f16(fma_to_odd(widen_f16(x & 0xffffu), widen_f16(y & 0xffffu), widen_f16(z & 0xffffu)));
    const Bits high = narrow_f16(fma_to_odd(widen_f16(x >> 16), widen_f16(y >> 16), widen_f16(z >> 16)));
    return low | high << 16;
  });
}

void bf16x2_fma(std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c, int n) {
  for_words(d, a, b, c, n, [](Bits x, Bits y, Bits z) {
    const Bits low =
        narrow_bf16(fma_to_odd_bf16(widen_bf16(x & 0xffffu), widen_bf16(y & 0xffffu), widen_bf16(z & 0xffffu)));
    const Bits high = narrow_bf16(fma_to_odd_bf16(widen_bf16(x >> 16), widen_bf16(y >> 16), widen_bf16(z >> 16)));
    return low | high << 16;
  });
}

void pack_f16x2(std::uint32_t* d, const float* low, const float* high, int n) {
  for_words(d, words(low), words(high), words(high), n,
            [](Bits x, Bits y, Bits) { return narrow_f16((Floats)x) | narrow_f16((Floats)y) << 16; });
}

void pack_bf16x2(std::uint32_t* d, const float* low, const float* high, int n) {
  for_words(d, words(low), words(high), words(high), n,
            [](Bits x, Bits y, Bits) { return narrow_bf16((Floats)x) | narrow_bf16((Floats)y) << 16; });
}

void unpack_f16(float* d, const std::uint32_t* a, int shift, int n) {
  for_words(reinterpret_cast<std::uint32_t*>(d), a, a, a, n,
            [shift](Bits x, Bits, Bits) { return (Bits)widen_f16(x >> shift & 0xffffu); });
}

// Eight halves that lie side by side: four lanes of one register hold a row of eight.
template <bool bf16>
inline Floats widen_row(const std::uint32_t* from) {
  Halves halves;
  __builtin_memcpy(&halves, from, sizeof halves);
  const Bits bits = __builtin_convertvector(halves, Bits);
  return bf16 ? widen_bf16(bits) : widen_f16(bits);
}

template <bool bf16>
inline void read_operands(float (&a)[16][16], float (&b)[16][8], const std::uint32_t* fragment_a,
                          const std::uint32_t* b0, const std::uint32_t* b1) {
  for (int row = 0; row < 8; ++row) {
    for (int half = 0; half < 4; ++half) {  // a0: upper left, a1: lower left, a2: upper right, a3: lower right
      const Floats values = widen_row<bf16>(fragment_a + 32 * half + 4 * row);
      __builtin_memcpy(&a[row + 8 * (half & 1)][8 * (half >> 1)], &values, sizeof values);
    }
  }
  for (int column = 0; column < 8; ++column) {
    const Floats upper = widen_row<bf16>(b0 + 4 * column);
    const Floats lower = widen_row<bf16>(b1 + 4 * column);
    for (int k = 0; k < 8; ++k) {
      b[k][column] = upper[k];
      b[k + 8][column] = lower[k];
    }
  }
}

inline Floats load_floats(const float* from) {
  Floats v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

// d += a b, four rows at a time so that the accumulators stay in registers.
inline void multiply(float (&d)[16][8], const float (&a)[16][16], const float (&b)[16][8]) {
  for (int row = 0; row < 16; row += 4) {
    Floats d0 = load_floats(d[row]), d1 = load_floats(d[row + 1]);
    Floats d2 = load_floats(d[row + 2]), d3 = load_floats(d[row + 3]);
    for (int k = 0; k < 16; ++k) {
      const Floats line = load_floats(b[k]);
      d0 += a[row][k] * line;
      d1 += a[row + 1][k] * line;
      d2 += a[row + 2][k] * line;
      d3 += a[row + 3][k] * line;
    }
    __builtin_memcpy(d[row], &d0, sizeof d0);
    __builtin_memcpy(d[row + 1], &d1, sizeof d1);
    __builtin_memcpy(d[row + 2], &d2, sizeof d2);
    __builtin_memcpy(d[row + 3], &d3, sizeof d3);
  }
}

void mma(MmaKind kind, std::uint32_t* fragment_d, const std::uint32_t* fragment_a, const std::uint32_t* b0,
         const std::uint32_t* b1) {
  alignas(32) float a[16][16], b[16][8], d[16][8];
  if (kind == MmaKind::bf16_f32) {
    read_operands<true>(a, b, fragment_a, b0, b1);
  } else {
    read_operands<false>(a, b, fragment_a, b0, b1);
  }
  if (kind == MmaKind::f16_f16) {
    for (int row = 0; row < 16; ++row) {
      const Floats values = widen_row<false>(fragment_d + 32 * (row >> 3) + 4 * (row & 7));
      __builtin_memcpy(d[row], &values, sizeof values);
    }
    multiply(d, a, b);
    for (int row = 0; row < 16; ++row) {
      const Halves halves = __builtin_convertvector(narrow_f16(load_floats(d[row])), Halves);
      __builtin_memcpy(fragment_d + 32 * (row >> 3) + 4 * (row & 7), &halves, sizeof halves);
    }
    return;
  }
  auto* values = reinterpret_cast<float*>(fragment_d);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      d[row][column] = values[32 * (2 * (row >> 3) + (column & 1)) + 4 * (row & 7) + (column >> 1)];
    }
  }
  multiply(d, a, b);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      values[32 * (2 * (row >> 3) + (column & 1)) + 4 * (row & 7) + (column >> 1)] = d[row][column];
    }
  }
}

constexpr LaneMath table = {f16x2_add, f16x2_mul, f16x2_fma, bf16x2_fma, pack_f16x2, pack_bf16x2, unpack_f16, mma};
