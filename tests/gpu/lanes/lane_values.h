// Arithmetic on bit patterns as the lane interface defines it: one rounding to nearest even for each operation.
#pragma once

#include <cstdint>

namespace fftconv::lanes {

inline std::uint16_t low(std::uint32_t pair) { return static_cast<std::uint16_t>(pair); }
inline std::uint16_t high(std::uint32_t pair) { return static_cast<std::uint16_t>(pair >> 16); }
inline std::uint32_t pair(std::uint16_t low, std::uint16_t high) {
  return low | static_cast<std::uint32_t>(high) << 16;
}

float as_float(std::uint32_t bits);
std::uint32_t as_bits(float value);

/// a b + c with one rounding.
std::uint16_t fma_f16(std::uint16_t a, std::uint16_t b, std::uint16_t c);
std::uint16_t fma_bf16(std::uint16_t a, std::uint16_t b, std::uint16_t c);

bool is_nan_f16(std::uint16_t bits);
bool is_nan_bf16(std::uint16_t bits);

/// Applies `operation` to both halves of packed operands.
template <class Operation, class... Pairs>
std::uint32_t both(Operation operation, Pairs... pairs) {
  return pair(operation(low(pairs)...), operation(high(pairs)...));
}

}  // namespace fftconv::lanes
