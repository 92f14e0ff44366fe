// The GPU suite where there is no GPU: what it refuses, what it lists, and that a run leaves records behind.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fs::temp_directory_path() / ("fftconv-gpu-suite-test-" + std::to_string(getpid()));

struct Ran {
  int status = -1;
  std::string text;  ///< both streams
};

Ran suite(const std::string& arguments, const std::string& driver) {
  fs::create_directories(kFolder);
  const fs::path log = kFolder / "log";
  const std::string command = "FFTCONV_LIBCUDA='" + driver + "' '" FFTCONV_BIN_DIR "/fftconv-gpu-suite' " +
                              arguments + " > '" + log.string() + "' 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream in(log);
  std::stringstream text;
  text << in.rdbuf();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
}

int lines_with(const fs::path& file, const std::string& words) {
  std::ifstream in(file);
  int count = 0;
  for (std::string line; std::getline(in, line);) count += line.find(words) != std::string::npos ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("without a GPU the suite exits with 2 and one sentence") {
  const Ran ran = suite("--out " + (kFolder / "none").string(), "off");
  CHECK(ran.status == 2);
  CHECK(ran.text.find("neither run nor timed") != std::string::npos);
}

TEST_CASE("bad usage exits with 2 and names what is wrong") {
  CHECK(suite("--budget much", "off").status == 2);
  CHECK(suite("--budget -3", "off").status == 2);
  CHECK(suite("--section", "off").status == 2);
  const Ran section = suite("--section nowhere", "off");
  CHECK(section.status == 2);
  CHECK(section.text.find("nowhere") != std::string::npos);
}

TEST_CASE("the list names every section and the grid of the sweep") {
  const Ran ran = suite("--list", "off");
  CHECK(ran.status == 0);
  for (const char* words : {"facts: ", "ceilings: ", "lanes: ", "correctness: ", "sweep: causal/L32768/"}) {
    CAPTURE(words);
    CHECK(ran.text.find(words) != std::string::npos);
  }
}

TEST_CASE("a run on a driver that refuses every kernel exits with 1, with a record for each case and the reason") {
  const fs::path out = kFolder / "refused";
  const std::string arguments = "--section lanes --only mma --budget 60 --out " + out.string();
  const Ran ran = suite(arguments, FFTCONV_FAKE_LIBCUDA);
  CAPTURE(ran.text);
  CHECK(ran.status == 1);
  const int begun = lines_with(out / "lanes.jsonl", "\"begin\"");
  CHECK(begun > 0);
  CHECK(lines_with(out / "lanes.jsonl", "\"status\":\"failed\"") == begun);
  CHECK(fs::exists(out / "results.json"));
  CHECK(fs::exists(out / "table.txt"));

  // A second run takes up where the first ended: nothing is left to do, and what was bad still counts.
  const Ran again = suite(arguments, FFTCONV_FAKE_LIBCUDA);
  CHECK(again.status == 1);
  CHECK(lines_with(out / "lanes.jsonl", "\"begin\"") == begun);
  fs::remove_all(kFolder);
}
