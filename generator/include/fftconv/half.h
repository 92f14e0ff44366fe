// fp16 and bf16 on the host: round to nearest even, subnormals, infinities and NaN kept.
#pragma once

#include <cstdint>

namespace fftconv {

std::uint16_t to_f16(double value);
double from_f16(std::uint16_t bits);
std::uint16_t to_bf16(double value);
double from_bf16(std::uint16_t bits);

}  // namespace fftconv
