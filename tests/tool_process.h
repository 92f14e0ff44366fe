// Runs the real programs and keeps what they said.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "npy.h"

extern char** environ;

namespace tool_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Output {
  int status = -1;  ///< exit status; 128 + signal where one ended it
  std::string out, err;

  Json json() const {
    Json parsed = Json::parse(out, nullptr, false);
    CHECK_MESSAGE(!parsed.is_discarded(), "not JSON: ", out);
    return parsed;
  }
};

/// A folder with a cache of its own, removed at the end.
class Workplace {
 public:
  Workplace() {
    std::string name = (fs::temp_directory_path() / "fftconv-tools-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    fs::create_directory(path_ / "cache");
    fs::permissions(path_ / "cache", fs::perms::owner_all);
  }
  ~Workplace() {
    std::error_code ignored;
    fs::permissions(path_ / "cache", fs::perms::owner_all, ignored);
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  /// Names in the folder, without the cache and what the programs said.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) {
      const std::string name = entry.path().filename().string();
      if (name != "cache" && name != "stdout" && name != "stderr") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// fftconv-<tool> with these arguments. Variables of `environment` ("NAME=value") stand over the test's own.
  Output run(const std::string& tool, const std::vector<std::string>& arguments,
             std::vector<std::string> environment = {}, rlim_t file_limit = RLIM_INFINITY) const {
    std::vector<std::string> command{std::string(FFTCONV_BIN_DIR) + "/fftconv-" + tool};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_command(std::move(command), std::move(environment), file_limit);
  }

  /// Any program, by its path.
  Output run_command(std::vector<std::string> command, std::vector<std::string> environment = {},
                     rlim_t file_limit = RLIM_INFINITY) const {
    environment.push_back("FFTCONV_CACHE_DIR=" + file("cache"));
    std::vector<char*> argv, envp;
    for (std::string& argument : command) argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (std::string& variable : environment) envp.push_back(variable.data());
    for (char** inherited = environ; *inherited != nullptr; ++inherited) {
      const std::string variable = *inherited;
      const std::string name = variable.substr(0, variable.find('=') + 1);
      const bool replaced = std::any_of(environment.begin(), environment.end(),
                                        [&](const std::string& own) { return own.starts_with(name); });
      if (!replaced) envp.push_back(*inherited);
    }
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    const std::string out = stdout_to.empty() ? file("stdout") : stdout_to;
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), kWrite, 0600);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, file("stderr").c_str(), kWrite, 0600);
    // The limit is inherited, so that it is this process's own for the moment of the start.
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit limited = before;
    limited.rlim_cur = std::min(file_limit, before.rlim_max);
    ::setrlimit(RLIMIT_FSIZE, &limited);
    pid_t child = 0;
    const int code = ::posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), envp.data());
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::posix_spawn_file_actions_destroy(&actions);
    REQUIRE_MESSAGE(code == 0, "cannot start ", command[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    Output output;
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (stdout_to.empty()) output.out = read("stdout");
    output.err = read("stderr");
    return output;
  }

  std::string read(const std::string& name) const {
    std::ifstream stream(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  void write_npy(const std::string& name, std::vector<std::int64_t> shape, const std::vector<float>& values) const {
    REQUIRE(fftconv::tools::write_npy(path_ / name,
                                      {std::move(shape), fftconv::tools::NpyType::f4, {values.begin(), values.end()}})
                .ok());
  }

  std::string stdout_to;  ///< a device in place of a file

 private:
  fs::path path_;
};

inline std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(engine);
  return values;
}

inline bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("no \"", part, "\" in: ", text);
  return found;
}

/// Exit status `status`, nothing on stdout, and exactly one line on stderr that begins with "fftconv-<tool>: error:"
/// and holds `part`.
inline void check_refused(const Output& output, int status, const std::string& tool, const std::string& part) {
  CAPTURE(output.out);
  CAPTURE(output.err);
  CHECK(output.status == status);
  CHECK(output.out.empty());
  CHECK(output.err.starts_with("fftconv-" + tool + ": error: "));
  CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
  CHECK(output.err.find(part) != std::string::npos);
}

/// The CPU device needs the LLVM component; without it there is nothing to run on.
inline bool has_cpu_device(const Workplace& place) {
  const Output doctor = place.run("tune", {"doctor", "--json"});
  REQUIRE(doctor.status == 0);
  const Json json = doctor.json();
  for (const Json& device : json["devices"]) {
    if (device["kind"] != "cpu") continue;
    const bool available = device["available"].get<bool>();
    if (!available) MESSAGE("skipped: ", device["missing"].get<std::string>());
    return available;
  }
  FAIL("doctor does not speak of the CPU device");
  return false;
}

}  // namespace tool_test
