// What retires measured and compiled kernels: everything that emits, and nothing that only chooses.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "fftconv/kernel_source.h"
#include "fftconv/sha256.h"
#include "fftconv/templates.h"

namespace fftconv {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// As the build does it, over the emitters' files but those with the names given.
std::string digest_without(const std::set<std::string>& names) {
  std::vector<fs::path> files;
  for (const char* folder : {"cuda", "cpu"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(FFTCONV_SOURCE_DIR) / "generator/src" / folder)) {
      const bool source = entry.path().extension() == ".cpp" || entry.path().extension() == ".h";
      if (source && !names.contains(entry.path().filename())) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.string() < b.string(); });
  std::string digests;
  for (const fs::path& file : files) digests += sha256(content_of(file));
  std::string all = sha256(digests);
  for (const Template& entry : templates()) {
    all += '\0';
    all += entry.name;
    all += '\0';
    all += entry.text;
  }
  return sha256(all);
}

}  // namespace

TEST_CASE("a longer list of candidates, or other costs, retires nothing; any file that emits does") {
  CHECK(generator_digest() == digest_without({"candidates.cpp", "legality.cpp", "count.cpp"}));
  CHECK(generator_digest() != digest_without({}));
  CHECK(generator_digest() != digest_without({"candidates.cpp", "legality.cpp", "count.cpp", "tables.cpp"}));
}

}  // namespace fftconv
