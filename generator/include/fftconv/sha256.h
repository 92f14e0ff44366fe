// SHA-256 (FIPS 180-4): names binaries and checks them before they are loaded.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fftconv {

/// 64 hexadecimal digits.
std::string sha256(std::span<const std::byte> data);
std::string sha256(std::string_view text);

}  // namespace fftconv
