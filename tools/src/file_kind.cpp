#include "file_kind.h"

#include <array>
#include <string_view>
#include <utility>

namespace fftconv::tools {
namespace {

using namespace std::string_view_literals;

constexpr std::array kMagics = {
    std::pair{"\x93NUMPY"sv, "a NumPy array (name it .npy)"sv},
    std::pair{"\x89PNG"sv, "a PNG image"sv},
    std::pair{"\xff\xd8\xff"sv, "a JPEG image"sv},
    std::pair{"%PDF"sv, "a PDF document"sv},
    std::pair{"PK\x03\x04"sv, "a ZIP archive (an .npz holds .npy files: take one out)"sv},
    std::pair{"\x1f\x8b"sv, "gzip data (unpack it first)"sv},
    std::pair{"RIFF"sv, "RIFF (WAV) audio"sv},
    std::pair{"FORM"sv, "AIFF audio"sv},
    std::pair{"fLaC"sv, "FLAC audio"sv},
    std::pair{"OggS"sv, "Ogg audio"sv},
    std::pair{"\x7f"
              "ELF"sv,
              "a program"sv},
    std::pair{"SQLite format 3"sv, "an SQLite database"sv},
};

}  // namespace

std::string describe_bytes(std::span<const std::byte> bytes) {
  if (bytes.empty()) return "empty";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const auto& [magic, what] : kMagics) {
    if (text.starts_with(magic)) return std::string(what);
  }
  return {};
}

}  // namespace fftconv::tools
