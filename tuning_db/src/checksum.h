// A 64-bit checksum over a sequence of fields (FNV-1a). It finds damage; it is no protection against intent.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fftconv {

class Checksum {
 public:
  /// Lengths go in first, so that moving a byte from one field to the next changes the sum.
  Checksum& add(std::string_view text) { return add(text.size()).add_bytes(text.data(), text.size()); }
  Checksum& add(std::span<const std::byte> data) { return add(data.size()).add_bytes(data.data(), data.size()); }
  Checksum& add(std::uint64_t value) { return add_word(value); }
  Checksum& add(std::int64_t value) { return add_word(static_cast<std::uint64_t>(value)); }
  Checksum& add(int value) { return add(static_cast<std::int64_t>(value)); }
  /// Adding 0 makes one of the two zeros, as SQLite does.
  Checksum& add(double value) { return add_word(std::bit_cast<std::uint64_t>(value + 0.0)); }

  std::int64_t value() const { return static_cast<std::int64_t>(state_); }

 private:
  Checksum& add_word(std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) mix(static_cast<unsigned char>(value >> (8 * byte)));
    return *this;
  }
  Checksum& add_bytes(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) mix(bytes[i]);
    return *this;
  }
  void mix(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001b3ull; }

  std::uint64_t state_ = 0xcbf29ce484222325ull;
};

}  // namespace fftconv
