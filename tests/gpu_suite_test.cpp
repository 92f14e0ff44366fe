// The GPU suite where there is no GPU: what it refuses, what it lists, and that a run leaves records behind.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "fftconv/llvm_component.h"
#include "fftconv/nvrtc.h"
#include "lanes/lane_case.h"
#include "suite/rate_kernels.h"

using namespace fftconv;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fs::temp_directory_path() / ("fftconv-gpu-suite-test-" + std::to_string(getpid()));

struct Ran {
  int status = -1;
  std::string text;  ///< both streams
};

/// The command line of a run; `script` is what the fakes find in their environment, `log` keeps both streams.
std::string command_of(const std::string& arguments, const std::string& driver, const std::string& script,
                       const fs::path& log) {
  return script + " FFTCONV_LIBCUDA='" + driver + "' '" FFTCONV_BIN_DIR "/fftconv-gpu-suite' " + arguments + " > '" +
         log.string() + "' 2>&1";
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

Ran suite(const std::string& arguments, const std::string& driver, const std::string& script = "") {
  fs::create_directories(kFolder);
  const fs::path log = kFolder / "log";
  const int status = std::system(command_of(arguments, driver, script, log).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(log)};
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

namespace {

/// Where a run on the fake driver and the fake compiler leaves its results.
std::string on_fakes(const std::string& name) {
  return " --nvrtc '" FFTCONV_FAKE_LIBNVRTC "' --out '" + (kFolder / name).string() + "'";
}

nlohmann::json results_of(const std::string& name) {
  std::ifstream in(kFolder / name / "results.json");
  return nlohmann::json::parse(in, nullptr, false);
}

}  // namespace

TEST_CASE("whatever kernels and compilers do, the run ends within its budget and its JSON holds what was done") {
  // A case may take 20 to 90 s before it is said to hang, and each of these runs would take many times its budget.
  constexpr double kBudget = 5, kMargin = 12;  // the margin is for starting processes on a busy machine
  const std::pair<const char*, const char*> scripts[] = {{"endless", "FFTCONV_FAKE_KERNEL_S=-1"},
                                                         {"slow", "FFTCONV_FAKE_KERNEL_S=0.4"},
                                                         {"compiling", "FFTCONV_FAKE_COMPILE_S=30"}};
  fs::create_directories(kFolder);
  std::string command;  // they sleep: all at once
  for (const auto& [name, script] : scripts) {
    const fs::path log = kFolder / (std::string(name) + ".log");
    command += command_of("--budget 5" + on_fakes(name), FFTCONV_FAKE_LIBCUDA, script, log) + " & ";
  }
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(std::system((command + "wait").c_str()) == 0);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < kBudget + kMargin);
  for (const auto& entry : scripts) {
    const std::string name = entry.first;
    CAPTURE(entry.second);
    CAPTURE(text_of(kFolder / (name + ".log")));
    const nlohmann::json results = results_of(name);
    REQUIRE(results.is_object());
    CHECK(results["wall_s"] >= kBudget);
    CHECK(results["wall_s"] < kBudget + kMargin);
    CHECK(results["sections"]["facts"]["done"] == 1);
    CHECK(results["sections"]["facts"]["records"][0]["device"] == "Fake GPU");
    CHECK(results["left"] > 100);
    // What the end of the budget cut off is not said to be wrong, and begins again in the next run.
    for (const auto& section : results["sections"]) {
      for (const auto& record : section["records"]) CHECK(record["status"] != "hung");
    }
    CHECK(lines_with(kFolder / name / "ceilings.jsonl", "\"cut\"") <= 1);
  }
  fs::remove_all(kFolder);
}

TEST_CASE("a kernel that ends the process costs its own case, and the section goes on") {
  const Ran ran = suite("--budget 60 --section lanes --only mma" + on_fakes("faults"), FFTCONV_FAKE_LIBCUDA,
                        "FFTCONV_FAKE_FAULT=3");
  CAPTURE(ran.text);
  CHECK(ran.status == 1);
  const nlohmann::json results = results_of("faults");
  REQUIRE(results.is_object());
  int crashed = 0, other = 0;
  for (const auto& record : results["sections"]["lanes"]["records"]) {
    (record["status"] == "crashed" ? crashed : other)++;
  }
  // The third launch of each process: two cases end, one is lost, and the next process goes on.
  CHECK(crashed > 0);
  CHECK(other >= 2 * crashed);
  CHECK(results["left"] == 0);
  fs::remove_all(kFolder);
}

TEST_CASE("where the records cannot be written the run says so and exits with 2") {
  fs::create_directories(kFolder);
  std::ofstream(kFolder / "file") << "in the way\n";
  const Ran ran = suite("--section facts --out '" + (kFolder / "file").string() + "'", FFTCONV_FAKE_LIBCUDA);
  CAPTURE(ran.text);
  CHECK(ran.status == 2);
  CHECK(lines_with(kFolder / "file", "in the way") == 1);
  fs::remove_all(kFolder);
}

TEST_CASE("the loop of every rate kernel holds the instructions that its rate is reckoned from") {
  const auto llvm = llvm_component();
  if (!llvm || !nvrtc_version()) {
    MESSAGE("skipped: " << (llvm ? nvrtc_version().error().message : llvm.error().message));
    return;
  }
  using Names = std::vector<std::string>;
  // The assembler deals half2 work out to two pipes, under two names.
  const std::vector<std::pair<std::string, Names>> expected = {
      {"mma", {"HMMA"}},
      {"fp32 fma", {"FFMA"}},
      {"half2 fma", {"HFMA2", "HFMA2.MMA"}},
      {"half2 add", {"HADD2", "HFMA2.MMA"}},
      {"bf16x2 fma", {"HFMA2", "HFMA2.MMA"}},
      {"pack two", {"F2FP"}},
      {"fp16 to fp32", {"HADD2"}},
      {"integer multiply", {"IMAD"}},
      {"bitwise", {"LOP3"}},
      {"shuffle", {"SHFL"}},
      {"shared memory read", {"LDS"}},
      {"ldmatrix", {"LDSM"}},
      {"shared memory write", {"STS"}},
      {"block barrier", {"BAR"}},
  };
  for (const gpu_suite::RateGroup& group : gpu_suite::rate_groups()) {
    const auto kind = std::find_if(expected.begin(), expected.end(),
                                   [&](const auto& entry) { return group.name.starts_with(entry.first); });
    REQUIRE_MESSAGE(kind != expected.end(), group.name);
    for (const gpu_suite::RateKernel& variant : group.variants) {
      INFO(group.name << ": " << variant.name);
      const gpu_suite::SmallKernel small = gpu_suite::small_kernel(variant, 132);
      KernelSource source;
      source.convolution = small.entry;
      source.text = lanes::preamble() + small.text;
      const auto compiled = nvrtc_compile(source, "sm_90a", BinaryFormat::cubin);
      REQUIRE_MESSAGE(compiled.ok(), (compiled.ok() ? "" : compiled.error().message));
      const auto kernels = (*llvm)->read_cubin(compiled->binary);
      REQUIRE(kernels.ok());
      const CubinKernel& kernel = kernels->front();
      REQUIRE(kernel.loops.size() == 1);
      std::int64_t found = 0;
      for (const std::string& name : kind->second) found += kernel.count(name, kernel.loops[0]);
      CHECK(found == variant.per_round);
    }
  }
}
