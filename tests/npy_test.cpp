// .npy files: what is read, what is written, and the sentence for each way to be malformed.
#include "npy.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "fftconv/half.h"
#include "fftconv/reference.h"

using namespace fftconv;
using namespace fftconv::tools;

namespace {

/// A file of version `major` with this header text and these data.
std::vector<std::byte> file_of(int major, std::string header, const std::string& data) {
  header += '\n';
  std::string text = "\x93NUMPY";
  text += static_cast<char>(major);
  text += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) text += static_cast<char>(header.size() >> 8 * i & 0xff);
  text += header + data;
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

template <class T>
std::string raw(const std::vector<T>& values) {
  std::string text(values.size() * sizeof(T), '\0');
  std::memcpy(text.data(), values.data(), text.size());
  return text;
}

std::string header_of(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

void refused(const std::vector<std::byte>& bytes, ErrorCode code, const std::string& part) {
  const auto array = parse_npy(bytes, "x.npy");
  REQUIRE_FALSE(array.ok());
  CHECK(array.error().code == code);
  CAPTURE(array.error().message);
  CHECK(array.error().message.find(part) != std::string::npos);
  CHECK(array.error().message.find("'x.npy'") != std::string::npos);
  CHECK(array.error().message.find('\n') == std::string::npos);
}

std::vector<double> random_values(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(engine);
  return values;
}

}  // namespace

TEST_CASE("what is written is read back, in one to three dimensions and every type") {
  const unsigned seed = 11;
  MESSAGE("seed ", seed);
  for (const NpyType type : {NpyType::f2, NpyType::f4, NpyType::f8}) {
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{24}, std::vector<std::int64_t>{4, 6}, std::vector<std::int64_t>{2, 3, 4}}) {
      NpyArray array{shape, type, random_values(24, seed)};
      for (double& value : array.values) {
        if (type == NpyType::f2) value = from_f16(to_f16(value));
        if (type == NpyType::f4) value = static_cast<float>(value);
      }
      const auto bytes = encode_npy(array);
      const auto read = parse_npy(bytes, "x.npy");
      REQUIRE(read.ok());
      CHECK(read->shape == shape);
      CHECK(read->type == type);
      CHECK(read->values == array.values);
    }
  }
}

TEST_CASE("the data of a written file start at a multiple of 64 bytes") {
  for (const std::int64_t length : {1, 10, 12345, 1234567}) {
    const NpyArray array{{length}, NpyType::f4, std::vector<double>(static_cast<std::size_t>(length), 1.0)};
    CHECK((encode_npy(array).size() - static_cast<std::size_t>(length) * 4) % 64 == 0);
  }
}

TEST_CASE("both byte orders and both versions are read") {
  const auto little = parse_npy(file_of(2, header_of("<f4", "(2,)"), raw<float>({1.5f, -2.0f})), "x.npy");
  REQUIRE(little.ok());
  CHECK(little->values == std::vector<double>{1.5, -2.0});
  const auto big = parse_npy(file_of(1, header_of(">f8", "(1,)"), std::string("\x3f\xf8\0\0\0\0\0\0", 8)), "x.npy");
  REQUIRE(big.ok());
  CHECK(big->values == std::vector<double>{1.5});
}

TEST_CASE("Fortran order is turned into C order") {
  // Element (i, j, k) is 100 i + 10 j + k; in Fortran order i runs fastest.
  std::vector<float> fortran;
  std::vector<double> c;
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) fortran.push_back(static_cast<float>(100 * i + 10 * j + k));
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) c.push_back(100 * i + 10 * j + k);
    }
  }
  const auto read = parse_npy(file_of(1, header_of("<f4", "(2, 3, 4)", "True"), raw(fortran)), "x.npy");
  REQUIRE(read.ok());
  CHECK(read->values == c);
}

TEST_CASE("keys in any order, either quote and no trailing comma are read") {
  const auto read = parse_npy(
      file_of(1, "{\"shape\":(2L,),\"fortran_order\":False,\"descr\":\"<f2\"}", raw<std::uint16_t>({0x3c00, 0xc000})),
      "x.npy");
  REQUIRE(read.ok());
  CHECK(read->values == std::vector<double>{1.0, -2.0});
}

TEST_CASE("NaN and infinity are read as they are") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto read = parse_npy(file_of(1, header_of("<f4", "(2,)"), raw<float>({std::nanf(""), infinity})), "x.npy");
  REQUIRE(read.ok());
  CHECK(std::isnan(read->values[0]));
  CHECK(read->values[1] == infinity);
}

TEST_CASE("each malformed file has its sentence") {
  const std::string two = raw<float>({1, 2});
  const auto good = file_of(1, header_of("<f4", "(2,)"), two);
  refused({}, ErrorCode::damaged, "does not begin");
  refused(std::vector<std::byte>(good.begin(), good.begin() + 8), ErrorCode::damaged, "ends within the header");
  refused(std::vector<std::byte>(good.begin(), good.begin() + 30), ErrorCode::damaged, "ends within the header");
  refused(std::vector<std::byte>(good.begin(), good.end() - 1), ErrorCode::damaged, "truncated");
  refused(file_of(1, header_of("<f4", "(2,)"), two + "x"), ErrorCode::damaged, "9 follow");
  refused(file_of(3, header_of("<f4", "(2,)"), two), ErrorCode::unsupported, "version 3.0");
  refused(file_of(1, header_of("<i4", "(2,)"), two), ErrorCode::unsupported, "'<i4'");
  refused(file_of(1, header_of("<f4", "()"), two), ErrorCode::unsupported, "0 dimensions");
  refused(file_of(1, header_of("<f4", "(1, 1, 1, 2)"), two), ErrorCode::unsupported, "4 dimensions");
  refused(file_of(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", two), ErrorCode::unsupported,
          "records");
  refused(file_of(1, header_of("<f4", "(-2,)"), two), ErrorCode::damaged, "'shape'");
  refused(file_of(1, header_of("<f4", "2"), two), ErrorCode::damaged, "'shape'");
  refused(file_of(1, header_of("<f4", "(2,)", "maybe"), two), ErrorCode::damaged, "'fortran_order'");
  refused(file_of(1, "{'descr': '<f4', 'shape': (2,)}", two), ErrorCode::damaged, "'fortran_order' is missing");
  refused(file_of(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", two), ErrorCode::damaged, "missing");
  refused(file_of(1, "{'zebra': 1}", two), ErrorCode::damaged, "zebra");
  refused(file_of(1, header_of("", "(2,)"), two), ErrorCode::unsupported, "type");
}

TEST_CASE("a shape whose product overflows is refused before anything is allocated") {
  refused(file_of(1, header_of("<f4", "(4294967296, 4294967296, 2)"), "abcd"), ErrorCode::damaged, "truncated");
  refused(file_of(1, header_of("<f4", "(99999999999999999999,)"), "abcd"), ErrorCode::damaged, "'shape'");
}

TEST_CASE("a value that fp32 cannot hold is refused with its place") {}

TEST_CASE("any one byte changed in a header gives a value or a sentence, never a crash") {
  const auto good = encode_npy({{2, 3}, NpyType::f4, random_values(6, 3)});
  int refusals = 0;
  for (std::size_t at = 0; at < good.size() - 24; ++at) {
    for (const int value : {0, 1, 0x27, 0x28, 0x39, 0x80, 0xff}) {
      auto changed = good;
      changed[at] = static_cast<std::byte>(value);
      refusals += parse_npy(changed, "x.npy").ok() ? 0 : 1;
    }
  }
  CHECK(refusals > 100);
}
