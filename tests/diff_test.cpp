// Two databases beside each other: verdicts from samples, and which winners are compared.
#include "diff/diff.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "fftconv/statistics.h"
#include "recorded.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::tools;
using namespace fftconv::test;

namespace {

Measurement samples_around(double centre, double deviation, int count, std::mt19937_64& random) {
  std::normal_distribution<double> noise(centre, centre * deviation);
  Measurement m;
  for (int i = 0; i < count; ++i) m.samples.push_back(noise(random));
  summarise(m);
  m.error = 1e-4;
  return m;
}

Trial trial_with(const Problem& problem, const Measurement& measurement,
                 const Environment& environment = environment_here()) {
  Trial trial = trial_of(environment, problem, config_of(4), measurement.median);
  trial.measurement = measurement;
  return trial;
}

std::mt19937_64 seeded() {
  const unsigned seed = 20261128;
  MESSAGE("seed ", seed);
  return std::mt19937_64(seed);
}

}  // namespace

TEST_CASE("the interval of a median is the narrowest pair of order statistics that covers it often enough") {
  std::vector<double> samples{7, 3, 1, 5, 2, 6, 4};
  REQUIRE(median_interval(samples, 0.975).has_value());
  CHECK(*median_interval(samples, 0.975) == Interval{1, 7});  // 1 - 2 / 2^7 = 98.4 %
  samples.pop_back();
  CHECK_FALSE(median_interval(samples, 0.975).has_value());  // 1 - 2 / 2^6 = 96.9 %
  CHECK_FALSE(median_interval({}, 0.5).has_value());
  samples.clear();
  for (int i = 1; i <= 20; ++i) samples.push_back(i);
  CHECK(*median_interval(samples, 0.95) == Interval{6, 15});  // the sign test's table: k = 5 of 20, 95.9 %
}

TEST_CASE("the interval covers the true median as often as it says") {
  std::mt19937_64 random = seeded();
  std::lognormal_distribution<double> skewed(0, 0.3);  // median 1, a long tail as timings have
  int covered = 0;
  constexpr int runs = 4000;
  for (int run = 0; run < runs; ++run) {
    std::vector<double> samples(15);
    for (double& sample : samples) sample = skewed(random);
    const auto interval = median_interval(samples, 0.9);
    covered += interval->low <= 1 && 1 <= interval->high ? 1 : 0;
  }
  // 15 samples: k = 4, coverage 96.5 %; k = 5 would have 88.2 %. Four standard errors of a share are 1.2 %.
  CHECK(covered > 0.953 * runs);
  CHECK(covered < 0.977 * runs);
}

TEST_CASE("clear changes are faster or slower, small ones the same, noisy ones cannot be told") {
  std::mt19937_64 random = seeded();
  const auto verdict = [&](double before, double after, double deviation, int count) {
    return compare(samples_around(before, deviation, count, random), samples_around(after, deviation, count, random))
        .verdict;
  };
  CHECK(verdict(1e-3, 0.8e-3, 0.01, 30) == Verdict::faster);
  CHECK(verdict(1e-3, 1.2e-3, 0.01, 30) == Verdict::slower);
  CHECK(verdict(1e-3, 1.002e-3, 0.002, 30) == Verdict::same);
  CHECK(verdict(1e-3, 1.02e-3, 0.02, 30) == Verdict::cannot_tell);  // on the border
  CHECK(verdict(1e-3, 1e-3, 0.2, 15) == Verdict::cannot_tell);      // too noisy
  const Comparison few = compare(samples_around(1e-3, 0.001, 6, random), samples_around(2e-3, 0.001, 30, random));
  CHECK(few.verdict == Verdict::cannot_tell);
  CHECK(few.why.find("too few") != std::string::npos);
}

TEST_CASE("equal speeds are called faster or slower in no more than one run of twenty") {
  std::mt19937_64 random = seeded();
  int wrong = 0;
  for (int run = 0; run < 1000; ++run) {
    const Verdict verdict = compare(samples_around(1, 0.03, 11, random), samples_around(1, 0.03, 11, random)).verdict;
    wrong += verdict == Verdict::faster || verdict == Verdict::slower ? 1 : 0;
  }
  CHECK(wrong <= 50);
}

TEST_CASE("a diff compares winners and names problems of one side alone") {
  std::mt19937_64 random = seeded();
  const auto at = [&](double seconds) { return samples_around(seconds, 0.002, 20, random); };
  Trial loser = trial_with(problem_of(1024), at(3e-3));
  loser.config = config_of(8);
  Trial unchecked = trial_with(problem_of(1024), at(0.1e-3));
  unchecked.config = config_of(2);
  unchecked.measurement.error = -1;
  Trial now = trial_with(problem_of(1024), at(1e-3));
  now.config = config_of(1);
  const Diff diff = diff_of({loser, trial_with(problem_of(1024), at(2e-3)), trial_with(problem_of(512), at(1e-3))},
                            {now, unchecked, trial_with(problem_of(256), at(1e-3))});
  REQUIRE(diff.rows.size() == 3);
  CHECK(diff.count(Verdict::faster) == 1);
  CHECK(diff.rows[0].comparison.ratio == doctest::Approx(0.5).epsilon(0.01));
  CHECK(diff.rows[0].before->config == config_of(4));
  const std::string text = diff_text(diff);
  CHECK(text.find("now " + to_string(config_of(1))) != std::string::npos);
  CHECK(text.find("only before") != std::string::npos);
  CHECK(text.find("only after") != std::string::npos);
  CHECK(text.find("1 faster, 0 slower, 0 same, 0 cannot tell, 2 on one side only") != std::string::npos);
  const Json json = diff_json(diff);
  CHECK(json["counts"]["faster"] == 1);
  CHECK(json["problems"].size() == 3);
  CHECK(json["problems"][0]["interval"][1].get<double>() < 0.98);
}

TEST_CASE("a trial that is in both files is the same, however noisy") {
  std::mt19937_64 random = seeded();
  const Trial trial = trial_with(problem_of(1024), samples_around(1e-3, 0.5, 9, random));
  CHECK(diff_of({trial}, {trial}).count(Verdict::same) == 1);
  Trial later = trial;
  later.unix_time += 1;
  CHECK(diff_of({trial}, {later}).count(Verdict::cannot_tell) == 1);
}

TEST_CASE(
    "of several environments of a device the one that measured the problem last counts, and changes are noted") {
  std::mt19937_64 random = seeded();
  const auto at = [&](double seconds) { return samples_around(seconds, 0.002, 20, random); };
  Environment newer = environment_here();
  newer.driver = "600.1";
  newer.generator_digest = std::string(64, 'b');
  Trial old_and_fast = trial_with(problem_of(1024), at(1e-3));
  Trial new_and_slow = trial_with(problem_of(1024), at(2e-3), newer);
  new_and_slow.unix_time += 1000;
  const Diff diff = diff_of({old_and_fast}, {old_and_fast, new_and_slow});
  CHECK(diff.count(Verdict::slower) == 1);
  const std::string text = diff_text(diff);
  CHECK(text.find("driver 580.65 before, 600.1 after") != std::string::npos);
  CHECK(text.find("generator aaaaaaaaaaaa before, bbbbbbbbbbbb after") != std::string::npos);
}

TEST_CASE("other policies cannot be told apart; other devices are paired by architecture, with a note") {
  std::mt19937_64 random = seeded();
  const auto at = [&](double seconds) { return samples_around(seconds, 0.002, 20, random); };
  Environment hot = environment_here();
  hot.policy = "hot";
  const Diff policies = diff_of({trial_with(problem_of(64), at(2e-3))}, {trial_with(problem_of(64), at(1e-3), hot)});
  REQUIRE(policies.rows.size() == 1);
  CHECK(policies.rows[0].comparison.verdict == Verdict::cannot_tell);
  CHECK(policies.rows[0].comparison.why == "measured cold before and hot after");

  Environment other = environment_here();
  other.device = "NVIDIA H100";
  const Diff devices = diff_of({trial_with(problem_of(64), at(2e-3))}, {trial_with(problem_of(64), at(1e-3), other)});
  CHECK(devices.count(Verdict::faster) == 1);
  REQUIRE_FALSE(devices.notes.empty());
  CHECK(devices.notes[0].find("another device of the same architecture, sm_90a") != std::string::npos);

  other.arch = "sm_80";
  CHECK(diff_of({trial_with(problem_of(64), at(2e-3))}, {trial_with(problem_of(64), at(1e-3), other)}).rows.size() ==
        2);
}
