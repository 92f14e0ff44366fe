// A sweep of the real tool that is stopped, killed and taken up again.
#include <signal.h>

#include <map>
#include <optional>
#include <thread>
#include <utility>

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

// An fftconv-tune that runs beside the test; killed with the object.
class Running {
 public:
  Running(const Workplace& place, std::vector<std::string> arguments, std::string log = "running-stderr")
      : place_(place), log_(std::move(log)) {
    arguments.insert(arguments.begin(), std::string(FFTCONV_BIN_DIR) + "/fftconv-tune");
    arguments.insert(arguments.end(), {"--cache-dir", place.file("cache")});
    const std::string said = place.file(log_);
    child_ = test::start_child([&] {
      const int out = ::open("/dev/null", O_WRONLY), err = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(out, STDOUT_FILENO);
      ::dup2(err, STDERR_FILENO);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      return 99;
    });
  }
  ~Running() {
    if (child_ != 0) stop(SIGKILL);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  std::string said() const { return place_.read(log_); }
  void check_runs() {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == 0) return;
    child_ = 0;
    FAIL("ended before it could be stopped: ", said());
  }
  // Until the database holds `trials`.
  void reach(std::size_t trials) {
    while (rows_of(place_).size() < trials) {
      check_runs();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  // The exit status once it has ended by itself, or -signal.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == 0) return std::nullopt;
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // The exit status, or -signal.
  int stop(int signal) {
    ::kill(child_, signal);
    return test::wait_for(std::exchange(child_, 0));
  }

 private:
  const Workplace& place_;
  std::string log_;
  pid_t child_ = 0;
};

// Starts fftconv-tune, sends `signal` once the database holds `trials`, and returns the exit status (or -signal).
int interrupt(const Workplace& place, std::vector<std::string> arguments, std::size_t trials, int signal) {
  Running tune(place, std::move(arguments));
  tune.reach(trials);
  return tune.stop(signal);
}

// Lasts until it is stopped: all candidates of some lengths.
const std::vector<std::string> kLongSweep{"sweep",   "--device", "cpu",     "--seqlen",  "512,768,1K,1536,2K,3K",
                                          "--batch", "1",        "--rigor", "exhaustive"};

}  // namespace

TEST_CASE("a sweep that was stopped, and then killed, is resumed with the same arguments and repeats nothing") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Output nothing = place.run("tune", {"resume"});
  CHECK(nothing.status == 0);
  CHECK(contains(nothing.err, "nothing to resume"));

  const std::vector<std::string> sweep{
      "sweep", "--device",        "cpu", "--seqlen",    "64,96,128", "--batch",
      "1",     "--channels",      "2",   "--budget",    "60",        "--memory-limit",
      "8G",    "--compile-limit", "99",  "--run-limit", "77.5"};
  CHECK(interrupt(place, sweep, 3, SIGINT) == 128 + SIGINT);
  const auto note = TuningDb::open(place / "cache/tuning.db", {}, true).value().unfinished_sweep();
  REQUIRE(note);
  for (const char* limit : {"memory_limit=8G\n", "compile_limit=99\n", "run_limit=77.5\n", "budget=60\n"}) {
    CHECK(contains(note->arguments, limit));
  }
  CHECK(contains(place.read("running-stderr"), "fftconv-tune resume goes on"));
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

TEST_CASE("a sweep with a warm cache that was killed goes on with a warm cache") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  CHECK(interrupt(
            place,
            {"sweep", "--device", "cpu", "--seqlen", "64,96", "--trials", "3", "--budget", "60", "--policy", "hot"},
            1, SIGKILL) == -SIGKILL);
  const Output hot = place.run("tune", {"resume", "--json"});
  CAPTURE(hot.err);
  REQUIRE(hot.status == 0);
  CHECK(hot.json()["environment"]["policy"] == "hot");
  CHECK(hot.json()["problems"].size() == 2);
  const Json rows = place.run("tune", {"list", "--json"}).json();
  REQUIRE(rows.size() == 2);
  for (const Json& row : rows) CHECK(row["environment"]["policy"] == "hot");
}

TEST_CASE("an exhaustive sweep that noted a budget, as earlier versions did, goes on without one") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  {
    auto db = TuningDb::open(place / "cache/tuning.db");
    REQUIRE(db.ok());
    REQUIRE(db->begin_sweep("problem=causal/L64/k64/b1/h1/io-f32/f32/forward\ndevice=cpu\nrigor=exhaustive\n"
                            "trials=2\nin_process=1\nbudget=10\n")
                .ok());
  }
  const Output all = place.run("tune", {"resume", "--json"});
  CAPTURE(all.err);
  REQUIRE(all.status == 0);
  CHECK(all.json()["rigor"] == "exhaustive");
  CHECK(all.json()["environment"]["policy"] == "cold");
  CHECK(all.json()["problems"][0]["measured"].get<int>() >= 2);
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

TEST_CASE("what is still running is not resumed, whether a sweep or a resume; once it is killed, it is at once") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  Running sweep(place, kLongSweep);
  sweep.reach(1);
  check_refused(place.run("tune", {"resume"}), 2, "tune", "still running");
  sweep.check_runs();
  CHECK(sweep.stop(SIGKILL) == -SIGKILL);
  const std::size_t known = rows_of(place).size();

  Running resumed(place, {"resume"});
  resumed.reach(known + 1);
  check_refused(place.run("tune", {"resume"}), 2, "tune", "still running");
  resumed.check_runs();
  CHECK(resumed.stop(SIGINT) == 128 + SIGINT);
  CHECK(contains(resumed.said(), "fftconv-tune resume goes on"));
}

TEST_CASE("of two resumes at once, one goes on and the other is refused") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  CHECK(interrupt(place, kLongSweep, 1, SIGKILL) == -SIGKILL);
  const std::size_t known = rows_of(place).size();
  Running one(place, {"resume"}, "one"), other(place, {"resume"}, "other");
  std::optional<int> one_ended, other_ended;
  while (!one_ended && !other_ended) {
    one_ended = one.ended();
    other_ended = other.ended();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(one_ended.value_or(2) == 2);
  CHECK(other_ended.value_or(2) == 2);
  REQUIRE((one_ended && other_ended) == false);
  CHECK(contains((one_ended ? one : other).said(), "is still running: wait until it ends"));
  Running& left = one_ended ? other : one;
  left.reach(known + 1);
  CHECK(left.stop(SIGKILL) == -SIGKILL);
}

TEST_CASE("an older sweep that was cut off is resumed beside a later one that is running") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  CHECK(interrupt(place, {"sweep", "--device", "cpu", "--seqlen", "64", "--batch", "1", "--budget", "60"}, 1,
                  SIGKILL) == -SIGKILL);
  const std::size_t known = rows_of(place).size();
  Running later(place, kLongSweep);
  later.reach(known + 1);
  const Output resumed = place.run("tune", {"resume", "--json"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  const Json json = resumed.json();
  REQUIRE(json["problems"].size() == 1);
  CHECK(json["problems"][0]["problem"]["seqlen"] == 64);
  later.check_runs();
  check_refused(place.run("tune", {"resume"}), 2, "tune", "still running");
}

TEST_CASE("where the lock's name is another file's link a sweep is made all the same, and says what that costs") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  place.write("letter", "Dear reader,\n");
  fs::create_symlink(place / "letter", place / "cache/sweeps.lock");
  const Output swept = place.run("tune", {"sweep", "--device", "cpu", "--seqlen", "64", "--trials", "1"});
  CAPTURE(swept.err);
  CHECK(swept.status == 0);
  CHECK(contains(swept.err, "a resume beside this sweep would do its work twice: sweeps.lock cannot be opened"));
  CHECK(place.read("letter") == "Dear reader,\n");
}
