#include <cstring>
#include <utility>

#include "bench/row_transform.h"

namespace fftconv::tools {
namespace {

/// (re, im) pairs through three shuffles a vector: a user who wants speed would write no less.
template <class Vector, int... lane>
[[gnu::always_inline]] inline void multiply_vectors(float* a, const float* b, std::int64_t floats,
                                                    std::integer_sequence<int, lane...>) {
  constexpr int kLanes = sizeof...(lane);
  constexpr Vector kSign{(lane & 1 ? 1.0f : -1.0f)...};
  std::int64_t i = 0;
  for (; i + kLanes <= floats; i += kLanes) {
    Vector x, k;
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&k, b + i, sizeof k);
    const Vector swapped = __builtin_shufflevector(x, x, (lane ^ 1)...);
    const Vector real = __builtin_shufflevector(k, k, (lane & ~1)...);
    const Vector imaginary = __builtin_shufflevector(k, k, (lane | 1)...);
    const Vector product = x * real + swapped * (imaginary * kSign);
    std::memcpy(a + i, &product, sizeof product);
  }
  for (; i < floats; i += 2) {
    const float re = a[i] * b[i] - a[i + 1] * b[i + 1];
    a[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
    a[i] = re;
  }
}

using Floats4 [[gnu::vector_size(16)]] = float;
using Floats8 [[gnu::vector_size(32)]] = float;
using Floats16 [[gnu::vector_size(64)]] = float;

#if defined(__x86_64__)
[[gnu::target("avx512f,fma")]] void multiply_512(float* a, const float* b, std::int64_t floats) {
  multiply_vectors<Floats16>(a, b, floats, std::make_integer_sequence<int, 16>());
}
[[gnu::target("avx2,fma")]] void multiply_256(float* a, const float* b, std::int64_t floats) {
  multiply_vectors<Floats8>(a, b, floats, std::make_integer_sequence<int, 8>());
}
#endif

}  // namespace

void multiply_complex(float* a, const float* b, std::int64_t count) {
#if defined(__x86_64__)
  static const bool has_512 = __builtin_cpu_supports("avx512f"), has_256 = __builtin_cpu_supports("avx2");
  if (has_512) return multiply_512(a, b, 2 * count);
  if (has_256) return multiply_256(a, b, 2 * count);
#endif
  multiply_vectors<Floats4>(a, b, 2 * count, std::make_integer_sequence<int, 4>());
}

void RowTransform::multiply(float* spectrum, const float* filter) const {
  multiply_complex(spectrum, filter, points_ / 2 + 1);
}

}  // namespace fftconv::tools
