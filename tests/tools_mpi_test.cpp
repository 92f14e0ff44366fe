// fftconv-tune under mpirun, on the CPU device.
#include "mpi_job.h"

using namespace tool_test;

namespace {

std::vector<std::string> sweep_command(const std::vector<std::string>& more = {}) {
  std::vector<std::string> command{std::string(FFTCONV_BIN_DIR) + "/fftconv-tune",
                                   "sweep",
                                   "--device",
                                   "cpu",
                                   "--seqlen",
                                   "64,96",
                                   "--precision",
                                   "f32",
                                   "--trials",
                                   "1",
                                   "--in-process",
                                   "--json"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
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
