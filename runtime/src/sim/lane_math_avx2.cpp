#include "sim/lane_math.h"

#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace fftconv::sim::avx2 {
namespace {
#include "sim/lane_math.inl"
}  // namespace
const LaneMath& functions() { return table; }
}  // namespace fftconv::sim::avx2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace fftconv::sim {
const LaneMath* lane_math_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2::functions() : nullptr;
}
}  // namespace fftconv::sim
#else
namespace fftconv::sim {
const LaneMath* lane_math_avx2() { return nullptr; }
}  // namespace fftconv::sim
#endif
