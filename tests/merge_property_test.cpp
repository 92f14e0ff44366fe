// Merging databases: whatever the order, the grouping and how often, the same comes out.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tuning_db_fixture.h"

namespace fftconv::test {
namespace {

using Random = std::mt19937_64;

constexpr int kDatabases = 5, kProblemCount = 4;

/// Everything that a database says: its trials, and the searches of the problems of the test.
std::string text_of(TuningDb& database, const std::vector<Environment>& environments,
                    const std::vector<Problem>& problems) {
  std::string text;
  REQUIRE(database.export_lines(text));
  for (const Environment& environment : environments) {
    for (const Problem& problem : problems) {
      const auto found = database.find_search(environment, problem);
      if (!found) continue;
      text += to_string(environment) + "|" + to_string(problem) + "|" + found->rigor + "|" +
              std::to_string(found->candidates) + "|" + std::to_string(found->measured) + "|" + found->refused + "|" +
              found->first + "\n";
    }
  }
  return text;
}

struct World {
  explicit World(Random& random) {
    for (int i = 0; i < kProblemCount; ++i) problems.push_back(problem_of(1024 << i));
    environments = {environment_here(), environment_here()};
    environments[1].driver = "another";
    for (int i = 0; i < kDatabases; ++i) {
      TuningDb database = in_memory();
      for (int n = static_cast<int>(random() % 30); n > 0; --n) REQUIRE(database.put(random_trial(random)));
      for (int n = static_cast<int>(random() % 6); n > 0; --n) {
        // The time of a search is that of its storing, so that all of these are equal or a second apart.
        const SearchRecord record{.rigor = random() % 2 ? "measure" : "exhaustive",
                                  .candidates = 10 + static_cast<int>(random() % 3),
                                  .measured = static_cast<int>(random() % 10),
                                  .refused = random() % 2 ? "1 no\n" : ""};
        REQUIRE(database.put_search(environments[random() % 2], problems[random() % kProblemCount], record));
      }
      databases.push_back(std::move(database));
    }
  }
  /// Few keys and few times: most conflict, many at the same time.
  Trial random_trial(Random& random) const {
    Trial trial = trial_of(environments[random() % 2], problems[random() % kProblemCount],
                           config_of(8 << (random() % 3)), 1e-3 * static_cast<double>(1 + random() % 3));
    trial.unix_time = 1795521600 + static_cast<std::int64_t>(random() % 3);
    if (random() % 4 == 0) {
      trial.measurement.status = TrialStatus::launch_failed;
      trial.measurement.reason = "why " + std::to_string(random() % 2);
    }
    return trial;
  }
  std::vector<Problem> problems;
  std::vector<Environment> environments;
  std::vector<TuningDb> databases;
};

}  // namespace

TEST_CASE("any order, any grouping and any repetition of merges give the same text, searches too") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 12; ++round) {
    World world(random);
    std::string expected;
    for (int way = 0; way < 4; ++way) {
      std::vector<std::size_t> order(kDatabases);
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), random);
      // Groups are merged by themselves first, and the groups then into one.
      TuningDb all = in_memory(), group = in_memory();
      for (const std::size_t i : order) {
        REQUIRE(group.merge(world.databases[i]));
        if (random() % 3 == 0) REQUIRE(group.merge(world.databases[order[random() % kDatabases]]));
        if (random() % 2 == 0) {
          REQUIRE(all.merge(group));
          if (random() % 2 == 0) group = in_memory();
        }
      }
      REQUIRE(all.merge(group));
      const std::string text = text_of(all, world.environments, world.problems);
      if (way == 0) expected = text;
      CHECK(text == expected);
      // Again changes nothing and counts nothing.
      for (TuningDb& each : world.databases) CHECK(all.merge(each).value() == 0);
      CHECK(text_of(all, world.environments, world.problems) == expected);
    }
  }
}

TEST_CASE("import of exported lines in any order gives what merge gives") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  Random random(seed);
  World world(random);
  TuningDb merged = in_memory();
  std::vector<std::string> lines;
  for (TuningDb& each : world.databases) {
    REQUIRE(merged.merge(each));
    std::string text;
    REQUIRE(each.export_lines(text));
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      lines.push_back(text.substr(at, text.find('\n', at) + 1 - at));
    }
  }
  std::shuffle(lines.begin(), lines.end(), random);
  TuningDb imported = in_memory();
  if (!lines.empty()) REQUIRE(imported.import_lines(std::accumulate(lines.begin(), lines.end(), std::string())));
  std::string one, other;
  REQUIRE(merged.export_lines(one));
  REQUIRE(imported.export_lines(other));
  CHECK(one == other);
}

}  // namespace fftconv::test
