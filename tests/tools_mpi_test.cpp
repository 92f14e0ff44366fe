// fftconv-tune under mpirun, on the CPU device.
#include <signal.h>

#include <set>

#include "child_process.h"
#include "fftconv/tuning_db.h"
#include "mpi_job.h"

using namespace tool_test;

namespace {

std::vector<std::string> sweep_command(const std::vector<std::string>& more = {},
                                       const std::string& lengths = "64,96", int trials = 1) {
  std::vector<std::string> command{std::string(FFTCONV_BIN_DIR) + "/fftconv-tune",
                                   "sweep",
                                   "--device",
                                   "cpu",
                                   "--seqlen",
                                   lengths,
                                   "--precision",
                                   "f32",
                                   "--trials",
                                   std::to_string(trials),
                                   "--in-process",
                                   "--json"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

/// Problems that have a trial in a database.
std::set<std::string> problems_in(const fs::path& file) {
  std::set<std::string> problems;
  auto database = fftconv::TuningDb::open(file, {}, true);
  if (!database) return problems;
  const auto visited = database->for_each([&](const fftconv::Trial& trial) {
    problems.insert(to_string(trial.problem));
    return true;
  });
  return visited ? problems : std::set<std::string>();
}

/// Kills rank `rank` as soon as its own database has a trial; its folder is named <host>-<process>-<rank>. 0 where it
/// did so within a minute.
int kill_rank(const fs::path& cache, int rank) {
  const std::string end = "-" + std::to_string(rank);
  for (int look = 0; look < 6000; ++look) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(cache / "ranks", none)) {
      std::string name = entry.path().filename().string();
      if (!name.ends_with(end) || problems_in(entry.path() / "tuning.db").empty()) continue;
      name.resize(name.size() - end.size());
      return ::kill(std::stoi(name.substr(name.rfind('-') + 1)), SIGKILL) == 0 ? 0 : 1;
    }
    ::usleep(10'000);
  }
  return 2;
}

const std::vector<std::string> kOneOfTwo = {"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2"};

}  // namespace

TEST_CASE("two ranks share two problems, and rank 0 alone answers") {
  const Workplace place;
  if (!mpi_test::has_mpi() || !has_cpu_device(place)) return;
  const Output output = mpi_test::run(place, 2, false, sweep_command());
  CAPTURE(output.err);
  REQUIRE(output.status == 0);
  const Json json = output.json();
  REQUIRE(json["problems"].size() == 2);
  for (const Json& row : json["problems"]) CHECK(row["winner"]["measurement"]["median_s"].get<double>() > 0);
  const Output list = place.run("tune", {"list"});
  CHECK(contains(list.out, "causal/L64/"));
  CHECK(contains(list.out, "causal/L96/"));
  // Again: nothing is measured twice.
  const std::string lines = place.run("tune", {"export"}).out;
  const Output again = mpi_test::run(place, 2, false, sweep_command());
  REQUIRE(again.status == 0);
  CHECK(place.run("tune", {"export"}).out == lines);
}

TEST_CASE("ranks with a warm cache know what ranks with a warm cache measured, and nothing of a cold one") {
  const Workplace place;
  if (!mpi_test::has_mpi() || !has_cpu_device(place)) return;
  const auto swept = [&](const char* policy) {
    const Output output = mpi_test::run(place, 2, false, sweep_command({"--policy", policy}));
    CAPTURE(output.err);
    REQUIRE(output.status == 0);
    const Json json = output.json();
    int reused = 0;
    for (const Json& row : json["problems"]) reused += row["reused"].get<int>();
    CHECK(json["environment"]["policy"] == policy);
    return reused;
  };
  CHECK(swept("cold") == 0);
  CHECK(swept("hot") == 0);
  const std::string lines = place.run("tune", {"export"}).out;
  CHECK(swept("hot") >= 2);
  CHECK(place.run("tune", {"export"}).out == lines);
}

TEST_CASE("one of three ranks is killed in the middle: the others finish, and one database has every problem") {
  const Workplace place;
  if (!mpi_test::has_mpi() || !has_cpu_device(place)) return;
  const pid_t killer = fftconv::test::start_child([&] { return kill_rank(place / "cache", 1); });
  const Output output = mpi_test::run(
      place, 3, true, sweep_command({"--budget", "60", "--rank-timeout", "4"}, "64,72,80,88,96,104", 3));
  CAPTURE(output.err);
  REQUIRE(fftconv::test::wait_for(killer) == 0);
  CHECK(contains(output.err, "rank 1"));
  CHECK(contains(output.err, "handed out again"));
  const Json json = output.json();
  REQUIRE(json["problems"].size() == 6);
  for (const Json& row : json["problems"]) CHECK(row["winner"]["measurement"]["median_s"].get<double>() > 0);
  CHECK(problems_in(place / "cache/tuning.db").size() == 6);
  // Of the three folders' trials all but the dead rank's are in it and their folders gone; its own waits.
  CHECK(std::distance(fs::directory_iterator(place / "cache/ranks"), {}) == 1);
}

TEST_CASE("one of several without MPI is refused: all would do the same work") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const auto run = [&](const std::vector<std::string>& more, std::vector<std::string> environment) {
    auto arguments = sweep_command(more);
    arguments.erase(arguments.begin());
    environment.insert(environment.end(), kOneOfTwo.begin(), kOneOfTwo.end());
    return place.run("tune", arguments, environment);
  };
  check_refused(run({"--mpi", "off"}, {}), 2, "tune", "--shard auto");
  check_refused(run({}, {"FFTCONV_MPI=off"}), 2, "tune", "--shard auto");
  check_refused(run({}, {"FFTCONV_MPI=/nowhere/libfftconv_mpi.so"}), 2, "tune", "--shard");
  const Output shard = run({"--shard", "auto", "--mpi", "off"}, {});
  CHECK(shard.status == 0);
  const Json json = shard.json();
  CHECK(json["problems"].size() == 1);
}

TEST_CASE("ranks are not resumed, and a rank timeout must be above 0") {
  const Workplace place;
  check_refused(place.run("tune", {"resume"}, kOneOfTwo), 2, "tune", "same sweep command");
  if (!has_cpu_device(place)) return;
  auto arguments = sweep_command({"--rank-timeout", "0"});
  arguments.erase(arguments.begin());
  check_refused(place.run("tune", arguments, kOneOfTwo), 2, "tune", "not above 0");
}
