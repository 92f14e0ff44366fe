// Functions that compiled code may call though its source never names them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "component.h"

namespace fftconv_llvm {
namespace {

// Conversions of _Float16 and __bf16 where the host's instruction set has none. A half travels in the low 16 bits of
// a floating-point register, which is how a float argument travels too.
float raw_half(std::uint32_t bits) { return std::bit_cast<float>(bits); }

float half_to_float(float raw) {
  const std::uint32_t half = std::bit_cast<std::uint32_t>(raw) & 0xffffu;
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  const float value = std::ldexp(static_cast<float>((magnitude & 0x3ffu) | (magnitude >= 0x400u ? 0x400u : 0u)),
                                 static_cast<int>(magnitude >= 0x400u ? magnitude >> 10 : 1u) - 25);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
}

float double_to_half(double value) {
  const std::uint32_t sign = std::signbit(value) ? 0x8000u : 0u;
  if (std::isnan(value)) return raw_half(sign | 0x7e00u);
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520.0) return raw_half(sign | 0x7c00u);
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int unit = std::max(exponent - 11, -24);  // of the last place
  const double quotient = std::nearbyint(std::ldexp(magnitude, -unit));
  const double rounded = std::ldexp(quotient, unit);
  if (rounded < 0x1p-14) return raw_half(sign | static_cast<std::uint32_t>(std::ldexp(rounded, 24)));
  std::frexp(rounded, &exponent);
  const auto mantissa = static_cast<std::uint32_t>(std::ldexp(rounded, 11 - exponent)) & 0x3ffu;
  return raw_half(sign | static_cast<std::uint32_t>(exponent + 14) << 10 | mantissa);
}

float float_to_half(float value) { return double_to_half(value); }

float float_to_bf16(float value) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return raw_half(bits >> 16 | 0x40u);
  bits += 0x7fffu + (bits >> 16 & 1u);
  return raw_half(bits >> 16);
}

template <class Function>
void* address(Function* function) {
  return reinterpret_cast<void*>(function);
}

template <class T>
using Unary = T (*)(T);
template <class T>
using Binary = T (*)(T, T);

}  // namespace

const std::vector<fftconv_symbol>& builtin_symbols() {
  static const std::vector<fftconv_symbol> table = {
      {"memcpy", address(&std::memcpy)},
      {"memmove", address(&std::memmove)},
      {"memset", address(&std::memset)},
      {"memcmp", address(&std::memcmp)},
      {"sqrtf", address(static_cast<Unary<float>>(std::sqrt))},
      {"sqrt", address(static_cast<Unary<double>>(std::sqrt))},
      {"sinf", address(static_cast<Unary<float>>(std::sin))},
      {"sin", address(static_cast<Unary<double>>(std::sin))},
      {"cosf", address(static_cast<Unary<float>>(std::cos))},
      {"cos", address(static_cast<Unary<double>>(std::cos))},
      {"expf", address(static_cast<Unary<float>>(std::exp))},
      {"exp", address(static_cast<Unary<double>>(std::exp))},
      {"logf", address(static_cast<Unary<float>>(std::log))},
      {"log", address(static_cast<Unary<double>>(std::log))},
      {"floorf", address(static_cast<Unary<float>>(std::floor))},
      {"floor", address(static_cast<Unary<double>>(std::floor))},
      {"ceilf", address(static_cast<Unary<float>>(std::ceil))},
      {"ceil", address(static_cast<Unary<double>>(std::ceil))},
      {"truncf", address(static_cast<Unary<float>>(std::trunc))},
      {"trunc", address(static_cast<Unary<double>>(std::trunc))},
      {"roundf", address(static_cast<Unary<float>>(std::round))},
      {"round", address(static_cast<Unary<double>>(std::round))},
      {"rintf", address(static_cast<Unary<float>>(std::rint))},
      {"rint", address(static_cast<Unary<double>>(std::rint))},
      {"nearbyintf", address(static_cast<Unary<float>>(std::nearbyint))},
      {"nearbyint", address(static_cast<Unary<double>>(std::nearbyint))},
      {"fmodf", address(static_cast<Binary<float>>(std::fmod))},
      {"fmod", address(static_cast<Binary<double>>(std::fmod))},
      {"powf", address(static_cast<Binary<float>>(std::pow))},
      {"pow", address(static_cast<Binary<double>>(std::pow))},
      {"fminf", address(static_cast<Binary<float>>(std::fmin))},
      {"fmin", address(static_cast<Binary<double>>(std::fmin))},
      {"fmaxf", address(static_cast<Binary<float>>(std::fmax))},
      {"fmax", address(static_cast<Binary<double>>(std::fmax))},
      {"fmaf", address(static_cast<float (*)(float, float, float)>(std::fma))},
      {"fma", address(static_cast<double (*)(double, double, double)>(std::fma))},
      {"__extendhfsf2", address(half_to_float)},
      {"__truncsfhf2", address(float_to_half)},
      {"__truncdfhf2", address(double_to_half)},
      {"__truncsfbf2", address(float_to_bf16)},
  };
  return table;
}

}  // namespace fftconv_llvm
