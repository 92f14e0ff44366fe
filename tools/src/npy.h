// NumPy's .npy files: versions 1 and 2, floating point, up to three dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::tools {

enum class NpyType { f2, f4, f8 };

struct NpyArray {
  std::vector<std::int64_t> shape;  ///< 1 to 3 dimensions
  NpyType type = NpyType::f4;       ///< in the file
  std::vector<double> values;       ///< in C order
};

/// "(2, 3, 4)".
std::string show_shape(const std::vector<std::int64_t>& shape);

/// Reads the bytes of an .npy file; `name` stands in messages. Both byte orders; Fortran order is turned into C
/// order. Errors: damaged (malformed, truncated, bytes left over), unsupported (version, type, dimensions).
Result<NpyArray> parse_npy(std::span<const std::byte> bytes, const std::string& name);
Result<NpyArray> read_npy(const std::filesystem::path& path);

/// Version 1.0, little endian, C order, of array.type. Values that `f2` cannot hold become infinities.
std::vector<std::byte> encode_npy(const NpyArray& array);
Result<void> write_npy(const std::filesystem::path& path, const NpyArray& array);

/// True where the bytes begin as an .npy file does.
bool looks_like_npy(std::span<const std::byte> bytes);

}  // namespace fftconv::tools
