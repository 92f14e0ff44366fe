// sweep --shard and lists of devices, with the real program on the CPU device.
#include <set>

#include "tool_process.h"

using namespace tool_test;

namespace {

const std::vector<std::string> kSweep = {"sweep", "--device", "cpu", "--seqlen",     "64,96,128", "--precision",
                                         "f32",   "--trials", "1",   "--in-process", "--json"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Searches one of two shards in each place, and checks that together they had each problem once.
void sweep_in_shards(const Workplace& first, const Workplace& second) {
  std::multiset<std::string> problems;
  for (const auto& [shard, where] : {std::pair{"1/2", &first}, std::pair{"2/2", &second}}) {
    const Output output = where->run("tune", with(kSweep, {"--shard", shard}));
    CAPTURE(output.err);
    REQUIRE(output.status == 0);
    const Json json = output.json();
    for (const Json& row : json["problems"]) problems.insert(row["problem"]["text"].get<std::string>());
  }
  CHECK(problems.size() == 3);
  CHECK(std::set<std::string>(problems.begin(), problems.end()).size() == 3);
}

}  // namespace

TEST_CASE("shards into one database, one after the other: each problem once, and it holds all") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  sweep_in_shards(place, place);
  const Output again = place.run("tune", kSweep);
  CAPTURE(again.err);
  REQUIRE(again.status == 0);
  const Json json = again.json();
  CHECK(json["problems"].size() == 3);
  for (const Json& row : json["problems"]) CHECK(row["reused"].get<int>() > 0);
}

TEST_CASE("shards into several databases: each problem once, and the merged databases hold all") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  const Workplace first, second, merged;
  sweep_in_shards(first, second);
  REQUIRE(merged.run("tune", {"merge", first.file("cache/tuning.db"), second.file("cache/tuning.db")}).status == 0);
  const std::string lines = merged.run("tune", {"export"}).out;
  REQUIRE(merged.run("tune", {"merge", second.file("cache/tuning.db"), first.file("cache/tuning.db")}).status == 0);
  CHECK(merged.run("tune", {"export"}).out == lines);
  CHECK(std::count(lines.begin(), lines.end(), '\n') >= 3);
}

TEST_CASE("a shard that is none, and one without problems") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  for (const char* wrong : {"0/2", "3/2", "x", "1/"}) {
    check_refused(place.run("tune", with(kSweep, {"--shard", wrong})), 2, "tune", "not i/n");
  }
  check_refused(place.run("tune", with(kSweep, {"--shard", "auto"}), {"SLURM_ARRAY_TASK_ID="}), 2, "tune", "auto");
  const Output none = place.run("tune", with(kSweep, {"--shard", "9/9"}));
  CHECK(none.status == 0);
  CHECK(contains(none.err, "none of the problems"));
  const Output array = place.run("tune", with(kSweep, {"--shard", "auto"}),
                                 {"SLURM_ARRAY_TASK_ID=9", "SLURM_ARRAY_TASK_MIN=1", "SLURM_ARRAY_TASK_COUNT=9"});
  CHECK(array.status == 0);
}

TEST_CASE("a list of devices with one that is not there is refused before anything is measured") {
  const Workplace place;
  check_refused(place.run("tune", {"sweep", "--device", "cuda:all", "-L", "64"}, {"FFTCONV_LIBCUDA=off"}), 2, "tune",
                "cuda:all");
  check_refused(place.run("tune", {"sweep", "--device", "cpu,cpu", "-L", "64"}), 2, "tune", "twice");
}
