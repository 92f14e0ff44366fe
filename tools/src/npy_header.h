// The header of an .npy file: a Python dictionary literal with three keys.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "npy.h"

namespace fftconv::tools {

struct NpyHeader {
  NpyType type = NpyType::f4;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t data_offset = 0;  ///< bytes from the start of the file
};

/// Errors as parse_npy().
Result<NpyHeader> parse_npy_header(std::span<const std::byte> bytes, const std::string& name);

}  // namespace fftconv::tools
