// tools/setup with stand-ins for Debian's package tools: what it installs, that it looks first, and what it refuses.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "library.h"

namespace fs = std::filesystem;
using fftconv::tools::run_program;

namespace {

/// A machine on which only the packages in `installed` are there. apt-get and pip add to it and keep what they were
/// asked in `calls`.
class Machine {
 public:
  Machine() {
    std::string name = (fs::temp_directory_path() / "fftconv-setup-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
    fs::create_directories(root_ / "bin");
    std::ofstream(root_ / "installed");
    std::ofstream(root_ / "calls");
    const std::string state = root_.string();
    program("bin/dpkg-query",
            "for last; do :; done\n"
            "if grep -qx -- \"$last\" '" +
                state + "/installed'; then printf 'ii '; else exit 1; fi\n");
    program("bin/apt-get", "echo \"apt-get $*\" >> '" + state +
                               "/calls'\n"
                               "case \" $* \" in *' install '*) printf '%s\\n' \"$@\" >> '" +
                               state + "/installed';; esac\n");
    program("bin/sudo", "if [ \"$1\" = -n ]; then shift; fi\nexec \"$@\"\n");
    program("bin/nvidia-smi", "exit 1\n");
    program("libnvrtc.so", "");
    // A pip that puts an nvdisasm where NVIDIA's wheel has it.
    const std::string wheel = state + "/venv/lib/python3.11/site-packages/nvidia/cu13/bin";
    program("venv/bin/pip", "echo \"pip $*\" >> '" + state + "/calls'\nmkdir -p '" + wheel + "'\n" + "cp '" + state +
                                "/bin/sudo' '" + wheel + "/nvdisasm'\n");
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void install(const std::string& package) const {
    std::ofstream(root_ / "installed", std::ios::app) << package << '\n';
  }
  std::vector<std::string> calls() const {
    std::vector<std::string> lines;
    std::ifstream in(root_ / "calls");
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  void forget_calls() const { std::ofstream(root_ / "calls", std::ios::trunc); }

  /// What it said; the status in `status`.
  std::string setup(const std::string& arguments, int& status) const {
    const std::string command = "PATH='" + (root_ / "bin").string() + "':/usr/bin:/bin FFTCONV_NVRTC='" +
                                (root_ / "libnvrtc.so").string() + "' FFTCONV_VENV='" + (root_ / "venv").string() +
                                "' '" FFTCONV_SOURCE_DIR "/tools/setup' " + arguments + " 2>&1; echo \"status $?\"";
    const auto said = run_program({"/bin/bash", "-c", command});
    REQUIRE_MESSAGE(said.ok(), (said.ok() ? "" : said.error().message));
    const std::size_t at = said->rfind("status ");
    status = std::stoi(said->substr(at + 7));
    return said->substr(0, at);
  }

 private:
  void program(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << "#!/bin/sh\n" << text;
    fs::permissions(root_ / name, fs::perms::owner_all);
  }
  fs::path root_;
};

bool on_debian_12() {
  std::ifstream in("/etc/os-release");
  std::stringstream text;
  text << in.rdbuf();
  const bool debian =
      text.str().find("VERSION_ID=\"12\"") != std::string::npos && text.str().find("ID=debian") != std::string::npos;
  if (!debian) MESSAGE("skipped: this is not Debian 12");
  return debian;
}

bool mentions(const std::vector<std::string>& lines, const std::string& words) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("the set-up installs what is missing and no more; a second run installs nothing") {
  if (!on_debian_12()) return;
  const Machine machine;
  machine.install("g++");
  machine.install("cmake");
  int status = -1;
  const std::string first = machine.setup("--tests", status);
  CAPTURE(first);
  CHECK(status == 0);
  const std::vector<std::string> calls = machine.calls();
  CHECK(mentions(calls, " install "));
  CHECK(mentions(calls, " libfmt-dev"));
  CHECK(mentions(calls, " clang-tidy"));
  CHECK_FALSE(mentions(calls, " g++"));
  CHECK_FALSE(mentions(calls, " cmake"));

  machine.forget_calls();
  const std::string second = machine.setup("--tests", status);
  CAPTURE(second);
  CHECK(status == 0);
  CHECK(machine.calls().empty());
  CHECK(second.find("everything is here") != std::string::npos);
}

TEST_CASE("--check installs nothing and exits with 1 while something required is missing") {
  if (!on_debian_12()) return;
  const Machine machine;
  int status = -1;
  const std::string said = machine.setup("--check", status);
  CHECK(status == 1);
  CHECK(said.find("llvm-19-dev") != std::string::npos);
  CHECK(machine.calls().empty());
}

TEST_CASE("an unknown option is refused with status 2 before anything is done") {
  const Machine machine;
  int status = -1;
  CHECK(machine.setup("--everything", status).find("'--everything'") != std::string::npos);
  CHECK(status == 2);
  CHECK(machine.calls().empty());
}
