// Which trials a calibration learns from: those of one device and policy, and of each problem those of one
// environment.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <map>
#include <random>
#include <set>

#include "cpu_facts.h"
#include "fftconv/calibration.h"
#include "fftconv/search_space.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::test;

namespace {

/// Trials of `count` candidates of a problem, each `factor` times as long as it takes here.
void put(TuningDb& db, const Environment& environment, std::int64_t seqlen, int count, double factor = 1) {
  for (int n = 0; n < count; ++n)
    REQUIRE(db.put(trial_of(environment, problem_of(seqlen), config_of(1 + n % 32, 1 + n / 32), factor * 1e-3)).ok());
}

/// Of which environments the trials of each length are.
std::map<std::int64_t, std::set<std::string>> sources(TuningDb& db, const Environment& environment,
                                                      int limit = 1000) {
  std::map<std::int64_t, std::set<std::string>> found;
  for (const Trial& trial : db.recent_trials(environment, limit))
    found[trial.problem.seqlen].insert(to_string(trial.environment));
  return found;
}

}  // namespace

TEST_CASE("trials of another device, thread count, cache or policy are none of this one, whichever field differs") {
  const std::pair<const char*, std::function<void(Environment&)>> changes[] = {
      {"device", [](Environment& e) { e.device = "NVIDIA H100"; }},
      {"kind", [](Environment& e) { e.kind = "sim"; }},
      {"arch", [](Environment& e) { e.arch = "sm_90"; }},
      {"sm_count", [](Environment& e) { e.sm_count = 1; }},
      {"l2_bytes", [](Environment& e) { e.l2_bytes /= 2; }},
      {"policy", [](Environment& e) { e.policy = "hot"; }},
  };
  for (const auto& [field, change] : changes) {
    CAPTURE(std::string(field));
    const Environment here = environment_here(), there = with(change);
    auto db = in_memory();
    put(db, here, 1024, 10);
    put(db, there, 1024, 10, 2);
    put(db, there, 2048, 10, 2);
    const auto mine = db.recent_trials(here, 1000), theirs = db.recent_trials(there, 1000);
    CHECK(mine.size() == 10);
    CHECK(theirs.size() == 20);
    for (const Trial& trial : mine) CHECK(trial.environment == here);
    for (const Trial& trial : theirs) CHECK(trial.environment == there);
  }
}

TEST_CASE("a problem's trials are of one environment: of this one, else of the nearest that has enough of them") {
  const Environment here = environment_here();
  const Environment generator = with([](Environment& e) { e.generator_digest = std::string(64, 'b'); });
  const Environment compiler = with([](Environment& e) { e.compiler = "nvrtc 12.8"; });
  const Environment driver = with([](Environment& e) { e.driver = "570.10"; });
  auto db = in_memory();
  put(db, here, 1024, 8);
  for (const Environment& other : {generator, compiler, driver}) put(db, other, 1024, 30, 3);
  for (const Environment& other : {driver, compiler, generator}) put(db, other, 2048, 8, 3);
  for (const Environment& other : {generator, compiler}) put(db, other, 4096, 8, 3);
  put(db, generator, 8192, 3, 3);
  put(db, here, 16384, 7);
  put(db, generator, 16384, 8, 3);
  put(db, here, 32768, 2);
  put(db, driver, 32768, 7, 3);
  const std::map<std::int64_t, std::set<std::string>> wanted = {
      {1024, {to_string(here)}},       {2048, {to_string(driver)}},
      {4096, {to_string(compiler)}},   {8192, {to_string(generator)}},  // the only one
      {16384, {to_string(generator)}},                                  // seven here are too few to compare
      {32768, {to_string(here)}},                                       // too few anywhere: the nearest
  };
  CHECK(sources(db, here) == wanted);
  CHECK(db.recent_trials(here, 1000).size() == 8 + 8 + 8 + 3 + 8 + 2);
}

TEST_CASE("of two earlier generators the one with the newest trial counts") {
  const Environment here = environment_here();
  const Environment b = with([](Environment& e) { e.generator_digest = std::string(64, 'b'); });
  const Environment c = with([](Environment& e) { e.generator_digest = std::string(64, 'c'); });
  for (const bool b_last : {false, true}) {
    auto db = in_memory();
    put(db, b_last ? c : b, 1024, 10);
    put(db, b_last ? b : c, 1024, 10);
    const std::map<std::int64_t, std::set<std::string>> wanted = {{1024, {to_string(b_last ? b : c)}}};
    CHECK(sources(db, here) == wanted);
  }
}

TEST_CASE("the limit takes the newest of this environment, and others only where it leaves room") {
  const Environment here = environment_here();
  const Environment other = with([](Environment& e) { e.generator_digest = std::string(64, 'b'); });
  auto db = in_memory();
  put(db, here, 1024, 20);
  put(db, here, 2048, 20);
  put(db, other, 4096, 20);
  const auto ten = db.recent_trials(here, 10);
  REQUIRE(ten.size() == 10);
  for (const Trial& trial : ten) CHECK((trial.environment == here && trial.problem.seqlen == 2048));
  CHECK(ten.front().config == config_of(20));
  CHECK(db.recent_trials(here, 0).empty());
  CHECK(db.recent_trials(here, -1).empty());
  CHECK(sources(db, here, 40).size() == 2);
  CHECK(sources(db, here, 60).size() == 3);
}

TEST_CASE("a slower environment with other candidates of the same problems does not move the calibration") {
  const DeviceFacts facts = cpu_facts();
  const Environment target = environment_here();
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> unit(0, 1);
  auto alone = in_memory(), mixed = in_memory();
  const Environment old = with([](Environment& e) { e.generator_digest = std::string(64, 'b'); });
  const Environment halved = with([](Environment& e) { e.sm_count = 66; });
  for (const std::int64_t seqlen : {1024, 4096}) {
    const Problem problem{.seqlen = seqlen, .filter_len = seqlen, .batch = 8, .channels = 16};
    int n = 0;
    for (const KernelConfig& config : search_space(problem, facts).configs) {
      const double seconds = predict(problem, config, facts).total_s * (1 + 0.1 * unit(random));
      const bool mine = n % 2 == 0;
      if (mine) REQUIRE(alone.put(trial_of(target, problem, config, seconds)).ok());
      if (mine) REQUIRE(mixed.put(trial_of(target, problem, config, seconds)).ok());
      if (!mine) REQUIRE(mixed.put(trial_of(n % 4 == 1 ? old : halved, problem, config, 5 * seconds)).ok());
      if (++n == 200) break;
    }
    REQUIRE(n >= 40);
  }
  const auto fitted = [&](TuningDb& db) {
    std::vector<TimedCandidate> timed;
    for (const Trial& trial : db.recent_trials(target, 4000))
      timed.push_back({trial.problem, trial.config, trial.measurement.median});
    auto calibration = Calibration::fit(timed, facts);
    REQUIRE(calibration);
    return std::pair{calibration->trials(), calibration->spread()};
  };
  const auto a = fitted(alone), b = fitted(mixed);
  CHECK(a.first == b.first);
  CHECK(a.second == b.second);
  CHECK(b.second < 0.05);
}
