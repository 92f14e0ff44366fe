#include "fftconv/tuning_db.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "fftconv/shipped.h"
#include "sqlite.h"
#include "trial_row.h"
#include "tuning_db_fixture.h"
#include "tuning_db_state.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

TuningDb in_memory() { return std::move(TuningDb::open({})).value(); }

std::string exported(TuningDb& db) {
  std::string text;
  REQUIRE(db.export_lines(text).ok());
  return text;
}

}  // namespace

TEST_CASE("a trial comes back as it was stored, from the file and after it was opened again") {
  TemporaryDirectory directory;
  std::mt19937_64 random(11);
  std::vector<Trial> stored;
  std::map<std::string, std::size_t> by_key;
  {
    auto db = TuningDb::open(directory / "tuning.db");
    REQUIRE(db.ok());
    CHECK_FALSE(db->in_memory());
    for (int i = 0; i < 200; ++i) {
      Trial trial = random_trial(random);
      REQUIRE(db->put(trial).ok());
      stored.push_back(trial);
      by_key[to_string(trial.environment) + to_string(trial.problem) + to_string(trial.config)] = stored.size() - 1;
    }
  }
  auto db = TuningDb::open(directory / "tuning.db");
  REQUIRE(db.ok());
  for (auto [key, index] : by_key) {
    const Trial& wanted = stored[index];
    auto found = db->find(wanted.environment, wanted.problem, wanted.config);
    REQUIRE(found.has_value());
    CHECK(same(*found, wanted));
  }
  int count = 0;
  REQUIRE(db->for_each([&](const Trial&) { return ++count > 0; }).ok());
  CHECK(count == static_cast<int>(by_key.size()));
}

TEST_CASE("an error of infinity is kept") {
  auto db = in_memory();
  Trial trial = trial_of(environment_here(), problem_of(4096), config_of(8), 1e-3);
  trial.measurement.status = TrialStatus::wrong_result;
  trial.measurement.error = std::numeric_limits<double>::infinity();
  REQUIRE(db.put(trial).ok());
  CHECK(same(db.find(trial.environment, trial.problem, trial.config).value(), trial));
}

TEST_CASE("export and import give the same database") {
  std::mt19937_64 random(12);
  auto db = in_memory();
  for (int i = 0; i < 100; ++i) REQUIRE(db.put(random_trial(random)).ok());
  std::string text = exported(db);
  auto copy = in_memory();
  auto count = copy.import_lines(text);
  REQUIRE(count.ok());
  CHECK(*count == static_cast<int>(std::count(text.begin(), text.end(), '\n')));
  CHECK(exported(copy) == text);
}

TEST_CASE("the winner is the fastest measured trial with a checked error, and says what it rests on") {
  auto db = in_memory();
  Environment here = environment_here();
  Problem problem = problem_of(4096);
  REQUIRE(db.put(trial_of(here, problem, config_of(8), 1.91e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem, config_of(4), 1.83e-3)).ok());
  REQUIRE(db.put(trial_of(here, problem, config_of(2), 1.1e-3, -1)).ok());  // never compared with fp64
  Trial dropped = trial_of(here, problem, config_of(1), 1.0e-3);
  dropped.measurement.status = TrialStatus::dropped;
  REQUIRE(db.put(dropped).ok());
  auto choice = db.choose(here, problem, as_it_is);
  REQUIRE(choice.has_value());
  CHECK(choice->provenance == Provenance::exact);
  CHECK(choice->config == config_of(4));
  CHECK(choice->seconds == 1.83e-3);
  CHECK(choice->explanation == "measured here on 2026-11-24: 1.83 ms, 2nd best 1.91 ms");
}
