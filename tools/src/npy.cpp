#include "npy.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "fftconv/half.h"
#include "files.h"
#include "npy_header.h"

static_assert(std::endian::native == std::endian::little, "values are stored as they lie in memory");

namespace fftconv::tools {
namespace {

std::size_t bytes_of(NpyType type) { return type == NpyType::f2 ? 2 : type == NpyType::f4 ? 4 : 8; }

template <class T>
T load(const std::byte* at, bool swap) {
  std::byte raw[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) raw[i] = at[swap ? sizeof(T) - 1 - i : i];
  T value;
  std::memcpy(&value, raw, sizeof(T));
  return value;
}

double load_value(const std::byte* at, NpyType type, bool swap) {
  switch (type) {
    case NpyType::f2:
      return from_f16(load<std::uint16_t>(at, swap));
    case NpyType::f4:
      return load<float>(at, swap);
    case NpyType::f8:
      break;
  }
  return load<double>(at, swap);
}

/// Where element `index` of the C order lies in the Fortran order of `shape`.
std::size_t fortran_index(std::size_t index, const std::vector<std::int64_t>& shape) {
  std::size_t place = 0;
  std::size_t stride = 1;
  for (const std::int64_t extent : shape) stride *= static_cast<std::size_t>(extent);
  for (std::size_t d = shape.size(); d-- > 0;) {
    const auto extent = static_cast<std::size_t>(shape[d]);
    stride /= extent;
    place += index % extent * stride;
    index /= extent;
  }
  return place;
}

}  // namespace

std::string show_shape(const std::vector<std::int64_t>& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

bool looks_like_npy(std::span<const std::byte> bytes) {
  return bytes.size() >= 6 && std::memcmp(bytes.data(), "\x93NUMPY", 6) == 0;
}

Result<NpyArray> parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  auto parsed = parse_npy_header(bytes, name);
  if (!parsed) return parsed.error();
  const NpyHeader& header = *parsed;
  const std::size_t size = bytes_of(header.type);
  std::size_t count = 1;
  for (const std::int64_t extent : header.shape) {
    if (extent != 0 && count > bytes.size() / static_cast<std::size_t>(extent)) {
      return Error{ErrorCode::damaged,
                   fmt::format("'{}' is truncated: its header promises shape {}, more values than the file has bytes",
                               name, show_shape(header.shape))};
    }
    count *= static_cast<std::size_t>(extent);
  }
  const std::size_t have = bytes.size() - header.data_offset;
  if (have != count * size) {
    return Error{
        ErrorCode::damaged,
        fmt::format("'{}' is {}: its header promises {} bytes of data for shape {}, and {} follow", name,
                    have < count * size ? "truncated" : "damaged", count * size, show_shape(header.shape), have)};
  }
  NpyArray array{header.shape, header.type, std::vector<double>(count)};
  const std::byte* data = bytes.data() + header.data_offset;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = header.fortran_order ? fortran_index(i, header.shape) : i;
    array.values[i] = load_value(data + place * size, header.type, header.big_endian);
  }
  return array;
}

Result<NpyArray> read_npy(const std::filesystem::path& path) {
  auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  return parse_npy(*bytes, path.string());
}

std::vector<std::byte> encode_npy(const NpyArray& array) {
  const char* const descr = array.type == NpyType::f2 ? "<f2" : array.type == NpyType::f4 ? "<f4" : "<f8";
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, show_shape(array.shape));
  // The data start at a multiple of 64 bytes, as the format asks for.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string prefix = "\x93NUMPY";
  prefix += '\x01';
  prefix += '\x00';
  prefix += static_cast<char>(header.size() & 0xff);
  prefix += static_cast<char>(header.size() >> 8);
  header.insert(0, prefix);
  const std::size_t size = bytes_of(array.type);
  std::vector<std::byte> bytes(header.size() + array.values.size() * size);
  std::memcpy(bytes.data(), header.data(), header.size());
  std::byte* at = bytes.data() + header.size();
  for (const double value : array.values) {
    if (array.type == NpyType::f2) {
      const std::uint16_t half = to_f16(value);
      std::memcpy(at, &half, size);
    } else if (array.type == NpyType::f4) {
      const auto single = static_cast<float>(value);
      std::memcpy(at, &single, size);
    } else {
      std::memcpy(at, &value, size);
    }
    at += size;
  }
  return bytes;
}

Result<void> write_npy(const std::filesystem::path& path, const NpyArray& array) {
  return write_file(path, encode_npy(array));
}

}  // namespace fftconv::tools
