#include "audio_header.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace fftconv::tools {
namespace {

std::string_view text_at(std::span<const std::byte> bytes, std::size_t at, std::size_t length) {
  if (at + length > bytes.size()) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + at, length};
}

std::uint64_t number_at(std::span<const std::byte> bytes, std::size_t at, std::size_t size, bool big_endian) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i) {
    number |= std::to_integer<std::uint64_t>(bytes[at + i]) << 8 * (big_endian ? size - 1 - i : i);
  }
  return number;
}

/// How one family of files strings its chunks together: an identifier, a length, the contents.
struct Container {
  std::string_view magic;
  std::size_t first;        ///< offset of the first chunk
  std::size_t id_size;      ///< bytes of an identifier; its first four are letters
  std::size_t length_size;  ///< bytes of a length
  bool big_endian;
  bool counts_head;          ///< the length includes identifier and length
  std::size_t alignment;     ///< of the next chunk
  std::string_view samples;  ///< the chunk that holds them
};

constexpr std::array kContainers = {
    Container{"RIFF", 12, 4, 4, false, false, 2, "data"}, Container{"RF64", 12, 4, 4, false, false, 2, "data"},
    Container{"riff", 40, 16, 8, false, true, 8, "data"}, Container{"FORM", 12, 4, 4, true, false, 2, "SSND"},
    Container{"caff", 8, 4, 8, true, false, 1, "data"},
};

std::optional<std::size_t> missing_of_chunks(std::span<const std::byte> bytes, const Container& container) {
  const std::size_t head = container.id_size + container.length_size;
  const std::uint64_t unknown = container.length_size == 4 ? 0xffffff00u : ~std::uint64_t{0} - 0xff;
  std::uint64_t length_in_ds64 = 0;  // RF64 keeps the length of its samples in a chunk of its own
  std::size_t at = container.first;
  while (at + head <= bytes.size()) {
    std::uint64_t length = number_at(bytes, at + container.id_size, container.length_size, container.big_endian);
    if (text_at(bytes, at, 4) == "ds64") length_in_ds64 = number_at(bytes, at + head + 8, 8, false);
    const bool samples = text_at(bytes, at, 4) == container.samples;
    if (samples && length_in_ds64 > 0) length = length_in_ds64;
    // Programs that write to a pipe leave 0, or nearly all ones, where the length would be.
    if (samples && (length == 0 || length >= unknown)) return std::nullopt;
    if (container.counts_head) length -= length < head ? length : head;
    const std::size_t have = bytes.size() - at - head;
    if (length > have) return static_cast<std::size_t>(length - have);
    if (samples) return std::nullopt;
    at += head + static_cast<std::size_t>(length);
    at += (container.alignment - at % container.alignment) % container.alignment;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> missing_bytes(std::span<const std::byte> bytes) {
  if (text_at(bytes, 0, 4) == ".snd") {  // AU: the data's place and length stand in the header
    const std::uint64_t end = number_at(bytes, 4, 4, true) + number_at(bytes, 8, 4, true);
    if (number_at(bytes, 8, 4, true) == 0xffffffffu || end <= bytes.size()) return std::nullopt;
    return end - bytes.size();
  }
  for (const Container& container : kContainers) {
    if (text_at(bytes, 0, 4) == container.magic) return missing_of_chunks(bytes, container);
  }
  return std::nullopt;
}

}  // namespace fftconv::tools
