// A sweep of the real tool that is stopped, killed and taken up again.
#include <signal.h>

#include <map>
#include <thread>

#include "child_process.h"
#include "fftconv/tuning_db.h"
#include "tool_process.h"

using namespace fftconv;
using namespace tool_test;

namespace {

using Rows = std::map<std::string, std::vector<double>>;  // samples by problem and config

Rows rows_of(const Workplace& place) {
  Rows rows;
  if (!fs::exists(place / "cache/tuning.db")) return rows;
  auto db = TuningDb::open(place / "cache/tuning.db", {}, true);
  if (!db) return rows;
  (void)db->for_each([&](const Trial& trial) {
    rows[to_string(trial.problem) + " " + to_string(trial.config)] = trial.measurement.samples;
    return true;
  });
  return rows;
}

// Starts fftconv-tune, sends `signal` once the database holds `trials`, and returns the exit status (or -signal).
int interrupt(const Workplace& place, std::vector<std::string> arguments, std::size_t trials, int signal) {
  arguments.insert(arguments.begin(), std::string(FFTCONV_BIN_DIR) + "/fftconv-tune");
  arguments.insert(arguments.end(), {"--cache-dir", place.file("cache")});
  const std::string said = place.file("stderr");
  const pid_t child = test::start_child([&] {
    const int out = ::open("/dev/null", O_WRONLY), err = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    return 99;
  });
  while (rows_of(place).size() < trials) {
    int status = 0;
    REQUIRE_MESSAGE(::waitpid(child, &status, WNOHANG) == 0,
                    "ended before it could be stopped: ", place.read("stderr"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ::kill(child, signal);
  return test::wait_for(child);
}

}  // namespace

TEST_CASE("a sweep that was stopped, and then killed, is resumed with the same arguments and repeats nothing") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Output nothing = place.run("tune", {"resume"});
  CHECK(nothing.status == 0);
  CHECK(contains(nothing.err, "nothing to resume"));

  const std::vector<std::string> sweep{"sweep", "--device",   "cpu", "--seqlen", "64,96,128", "--batch",
                                       "1",     "--channels", "2",   "--budget", "60"};
  CHECK(interrupt(place, sweep, 3, SIGINT) == 128 + SIGINT);
  CHECK(contains(place.read("stderr"), "fftconv-tune resume goes on"));
  const std::size_t stopped = rows_of(place).size();
  CHECK(stopped >= 3);

  CHECK(interrupt(place, {"resume"}, stopped + 8, SIGKILL) == -SIGKILL);
  const Rows before = rows_of(place);

  const Output resumed = place.run("tune", {"resume", "--json"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  const Json json = resumed.json();
  REQUIRE(json["problems"].size() == 3);
  std::size_t reused = 0;
  for (const Json& row : json["problems"]) {
    CHECK(row["winner"]["measurement"]["median_s"].get<double>() > 0);
    reused += row["reused"].get<std::size_t>();
  }
  CHECK(reused == before.size());
  const Rows after = rows_of(place);
  CHECK(after.size() > before.size());
  int measured_again = 0;
  for (const auto& [key, samples] : before) {
    REQUIRE(after.contains(key));
    measured_again += after.at(key) != samples;
  }
  CHECK(measured_again <= 3 * 4);  // those of each problem's final alone

  const Output done = place.run("tune", {"resume"});
  CHECK(done.status == 0);
  CHECK(contains(done.err, "nothing to resume"));
}

TEST_CASE("a note of a sweep that cannot be read is refused in one sentence") {
  const Workplace place;
  {
    auto db = TuningDb::open(place / "cache/tuning.db");
    REQUIRE(db.ok());
    REQUIRE(db->begin_sweep("problem=causal/L64/k64/b1/h1/io-f32/f32/forward\nwarp_factor=9\n").ok());
  }
  check_refused(place.run("tune", {"resume"}), 2, "tune", "warp_factor=9");
}
