// SASS text through nvdisasm: with a stand-in whose arguments and words are known, and with the real one where it is.
#include <doctest/doctest.h>

#include <map>
#include <sstream>

#include "cuda/nvrtc_library.h"
#include "library.h"
#include "tool_process.h"

using namespace tool_test;

namespace {

const std::vector<std::string> kSubject{"-L", "256", "-B", "64", "--arch", "sm_90a"};

std::vector<std::string> with(std::vector<std::string> first, const std::vector<std::string>& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

/// A program of this name in `folder` that keeps its arguments and the start of its last one beside itself.
void stand_in(const fs::path& folder, const std::string& last_lines) {
  fs::create_directories(folder);
  const fs::path file = folder / "nvdisasm";
  std::ofstream(file) << "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$0.arguments\"\nfor last; do :; done\n"
                         "/bin/cat \"$last\" > \"$0.file\"\n"
                      << last_lines;
  fs::permissions(file, fs::perms::owner_all);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// NVRTC makes the machine code that is shown.
bool has_nvrtc(const Workplace& place) {
  const Output output = place.run("inspect", with({"ptx"}, kSubject));
  if (output.status != 0) MESSAGE("skipped: ", output.err);
  return output.status == 0;
}

/// First words of the instructions in the section of `entry`, without what follows a dot.
std::vector<std::string> mnemonics(const std::string& listing, const std::string& entry) {
  std::vector<std::string> found;
  bool inside = false;
  for (const std::string& line : lines_of(listing)) {
    if (line.find("\t.section\t") != std::string::npos) inside = line.find(".text." + entry) != std::string::npos;
    const std::size_t begin = line.find("/*"), end = line.find("*/");
    if (!inside || begin == std::string::npos || end == std::string::npos || line.find(';') == std::string::npos) {
      continue;
    }
    std::istringstream words(line.substr(end + 2));
    std::string word;
    words >> word;
    if (word.starts_with("@")) words >> word;
    const std::size_t cut = word.find_first_of(".;");
    found.push_back(word.substr(0, cut));
  }
  return found;
}

}  // namespace

TEST_CASE("sass gives nvdisasm a cubin, shows what it says, and leaves no file behind") {
  const Workplace place;
  if (!has_nvrtc(place)) return;
  stand_in(place / "bin", "echo 'first line'\necho 'second line'\n");
  const std::vector<std::string> path{"PATH=" + place.file("bin")};
  const Output output = place.run("inspect", with({"sass"}, kSubject), path);
  CAPTURE(output.err);
  CHECK(output.status == 0);
  CHECK(output.out == "first line\nsecond line\n");
  const std::vector<std::string> arguments = lines_of(place.read("bin/nvdisasm.arguments"));
  REQUIRE(arguments.size() == 2);
  CHECK(arguments[0] == "--print-code");
  CHECK_FALSE(fs::exists(arguments[1]));
  const std::string cubin = place.read("bin/nvdisasm.file");
  CHECK(
      cubin.starts_with("\x7f"
                        "ELF"));
  CHECK(cubin.find("fftconv_convolution") != std::string::npos);

  const Output to_file = place.run("inspect", with({"sass", "-o", place.file("code.sass")}, kSubject), path);
  CHECK(to_file.status == 0);
  CHECK(to_file.out.empty());
  CHECK(place.read("code.sass") == "first line\nsecond line\n");
}

TEST_CASE("an nvdisasm that fails is an error with what it said, and leaves no file behind") {
  const Workplace place;
  if (!has_nvrtc(place)) return;
  stand_in(place / "bin", "echo 'nvdisasm fatal: no such luck' >&2\nexit 3\n");
  const Output output = place.run("inspect", with({"sass"}, kSubject), {"PATH=" + place.file("bin")});
  CHECK(output.status == 1);
  CHECK(output.out.empty());
  CHECK(contains(output.err, "no such luck"));
  const std::vector<std::string> arguments = lines_of(place.read("bin/nvdisasm.arguments"));
  REQUIRE(arguments.size() == 2);
  CHECK_FALSE(fs::exists(arguments[1]));
}

TEST_CASE("nvdisasm is found in the private environment, and where it is nowhere the refusal says what to install") {
  const Workplace place;
  if (!has_nvrtc(place)) return;
  // NVRTC itself may be in the private environment that is replaced here.
  const auto nvrtc = fftconv::cuda::nvrtc_library();
  REQUIRE(nvrtc);
  const std::vector<std::string> environment{"PATH=" + place.file("nothing"), "FFTCONV_VENV=" + place.file("venv"),
                                             "FFTCONV_NVRTC=" + (*nvrtc)->file};
  if (const auto toolkit = fftconv::tools::find_program("nvdisasm");
      toolkit && toolkit->string().starts_with("/usr/local/cuda")) {
    MESSAGE("skipped: ", toolkit->string(), " is always found");
    return;
  }
  check_refused(place.run("inspect", with({"sass"}, kSubject), environment), 2, "inspect", "nvidia-cuda-nvdisasm");
  stand_in(place / "venv/lib/python3.11/site-packages/nvidia/cu13/bin", "echo 'of the wheel'\n");
  const Output output = place.run("inspect", with({"sass"}, kSubject), environment);
  CAPTURE(output.err);
  CHECK(output.status == 0);
  CHECK(output.out == "of the wheel\n");
}

TEST_CASE("the real nvdisasm lists the instructions that the cubin reader counts") {
  const Workplace place;
  if (!has_nvrtc(place) || !has_cpu_device(place)) return;
  if (!fftconv::tools::find_program("nvdisasm")) {
    MESSAGE("skipped: nvdisasm is not installed (tools/setup --tests does)");
    return;
  }
  const Output listing = place.run("inspect", with({"sass"}, kSubject));
  CAPTURE(listing.err);
  REQUIRE(listing.status == 0);
  const std::vector<std::string> words = mnemonics(listing.out, "fftconv_convolution");
  const Json counted = place.run("inspect", with({"resources", "--json"}, kSubject)).json();
  CHECK(words.size() == counted["instructions"].get<std::size_t>());
  std::map<std::string, std::ptrdiff_t> by_reader;
  for (const auto& [name, number] : counted["opcodes"].items()) {
    by_reader[name.substr(0, name.find('.'))] += number.get<std::ptrdiff_t>();
  }
  for (const auto& entry : by_reader) {
    CAPTURE(entry.first);
    CHECK(std::count(words.begin(), words.end(), entry.first) == entry.second);
  }
  CHECK(std::count(words.begin(), words.end(), "HMMA") > 0);
}
