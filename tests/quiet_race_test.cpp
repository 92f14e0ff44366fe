// Races held again while the machine is busy: which of them count, and who has left.
#include "search/quiet_race.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "fftconv/statistics.h"
#include "near.h"
#include "scripted_runner.h"

namespace fftconv {
namespace {

constexpr double kNoDeadline = std::numeric_limits<double>::infinity();
constexpr int kRounds = 4;  // of each race here: the n-th sample of a candidate is of its race n / kRounds
constexpr MeasurePolicy kHeats{.min_samples = kRounds, .max_samples = kRounds};
// In a final min_samples and drop_ratio do not count: its own rounds do, and nobody is dropped.
constexpr MeasurePolicy kFinals{.min_samples = 1, .max_samples = 40, .drop_ratio = 1.01, .drop_after = 1};

/// Its script hears of races in place of calls.
class ScriptedRaces : public ScriptedRunner {
 public:
  explicit ScriptedRaces(const Script& script)
      : ScriptedRunner([script](int rows, int call) { return script(rows, call / kRounds); }) {}
  RaceRules rules(const MeasurePolicy& policy, double deadline = kNoDeadline) {
    return {.runner = *this, .policy = policy, .clock = clock(), .deadline = deadline};
  }
};

/// A machine whose races are at these levels, the last for ever; candidate n takes `paces[n - 1]` at level 1.
ScriptedRunner::Script machine_at(std::vector<double> levels, std::vector<double> paces = {1, 1.5, 1.25}) {
  return [=](int rows, int race) {
    const std::size_t last = levels.size() - 1;
    return seconds(levels[std::min(static_cast<std::size_t>(race), last)] *
                   paces.at(static_cast<std::size_t>(rows - 1)));
  };
}

/// The samples of whole races at these times.
std::vector<double> whole(const std::vector<double>& times, double pace = 1) {
  std::vector<double> samples;
  for (const double time : times) samples.insert(samples.end(), kRounds, time * pace);
  return samples;
}

using Samples = std::vector<std::vector<double>>;  // of each candidate

Samples samples_of(const std::vector<Racer>& racers) {
  Samples samples;
  for (const Racer& racer : racers) samples.push_back(racer.measurement.samples);
  return samples;
}

/// What is left of candidates' times, by race, without what slowed the races down.
Samples without_levels(const Samples& times) {
  Samples samples;
  for (const std::vector<double>& of_one : times) samples.push_back(whole(of_one));
  level_rounds(samples);
  return samples;
}

/// Candidates at these times, by race.
ScriptedRunner::Script at_times(const Samples& times) {
  return [=](int rows, int race) {
    return seconds(times.at(static_cast<std::size_t>(rows - 1)).at(static_cast<std::size_t>(race)));
  };
}

/// Three races count.
FinalRules final_of_three(double seconds = 1e9) { return {.rounds = kRounds, .counting = 3, .seconds = seconds}; }

const auto always = [](const auto&...) { return true; };

/// Allows so many waits.
std::function<bool()> up_to(int waits) {
  return [waits]() mutable { return waits-- > 0; };
}

}  // namespace

TEST_CASE("a race is held again while it is busy, and the quietest by the first racer's time remains") {
  const std::map<int, std::vector<double>> times{{1, {1.2, 1.0, 1.1}}, {2, {1.3, 1.15, 1.05}}};
  ScriptedRaces runner(
      [&](int rows, int race) { return seconds(times.at(rows).at(static_cast<std::size_t>(race))); });
  auto racers = racers_of(2);
  race_until_quiet(runner.rules(kHeats), racers, always, up_to(2));
  CHECK(runner.calls == std::map<int, int>{{1, 3 * kRounds}, {2, 3 * kRounds}});
  CHECK(racers[0].measurement.samples == whole({1.0}));
  CHECK(racers[1].measurement.samples == whole({1.15}));  // of the same race, though another was its fastest
  CHECK(racers[1].measurement.median == 1.15);
}

TEST_CASE("a race that is not busy, or whose first racer has no time, is not held again") {
  ScriptedRaces quiet(machine_at({1.1, 1.0, 0.9}, {1, 1.2}));
  auto racers = racers_of(2);
  race_until_quiet(
      quiet.rules(kHeats), racers, [](const Racer& first) { return first.measurement.median > 1.05; }, up_to(5));
  CHECK(quiet.calls[1] == 2 * kRounds);
  CHECK(racers[0].measurement.samples == whole({1.0}));

  ScriptedRaces failing([](int rows, int) -> Result<Sample> {
    if (rows == 1) return Error{ErrorCode::launch_failed, "illegal address"};
    return seconds(1);
  });
  racers = racers_of(2);
  race_until_quiet(failing.rules(kHeats), racers, always, up_to(5));
  CHECK(failing.calls[2] == kRounds);
  CHECK(racers[1].measurement.samples == whole({1}));
}

TEST_CASE("who fails when the race is held again has failed, also where the first was the quieter one") {
  ScriptedRaces runner([](int rows, int race) -> Result<Sample> {
    if (race == 1 && rows == 2) return Error{ErrorCode::launch_failed, "illegal address"};
    if (race == 1 && rows == 3) return Error{ErrorCode::out_of_memory, "no room"};
    return seconds(race == 0 ? 1.0 : 1.1);
  });
  auto racers = racers_of(4);
  race_until_quiet(runner.rules(kHeats), racers, always, up_to(2));
  CHECK(racers[0].measurement.samples == whole({1.0}));
  CHECK(racers[1].measurement.status == TrialStatus::launch_failed);
  CHECK(racers[1].measurement.reason == "illegal address");
  REQUIRE(racers[2].untried);
  CHECK(racers[2].untried->code == ErrorCode::out_of_memory);
  CHECK(racers[3].measurement.samples == whole({1.0}));
  // The third race is without them.
  CHECK(runner.calls == std::map<int, int>{{1, 3 * kRounds}, {2, kRounds + 1}, {3, kRounds + 1}, {4, 3 * kRounds}});
}

TEST_CASE("a second race that time cuts short before all have a sample counts for nobody") {
  ScriptedRaces runner(machine_at({1.2, 1.0}, {1, 1.1}));
  auto racers = racers_of(2);
  race_until_quiet(runner.rules(kHeats, kRounds * (1.2 + 1.32) + 0.5), racers, always, up_to(5));
  CHECK(runner.calls == std::map<int, int>{{1, kRounds + 1}, {2, kRounds}});
  CHECK(racers[0].measurement.samples == whole({1.2}));  // as the times of the others, although 1.0 is known
  CHECK(runs_on(racers[1]));
  CHECK(racers[1].measurement.samples == whole({1.2}, 1.1));
}

TEST_CASE("who left a busy race as too slow is in the next: it may have been slowed down like nobody else") {
  constexpr MeasurePolicy kDropping{
      .min_samples = kRounds, .max_samples = kRounds, .drop_ratio = 1.25, .drop_after = kRounds - 1};
  int busy_samples = 0;
  ScriptedRaces runner([&](int rows, int) {
    const bool busy = busy_samples < kRounds;
    busy_samples += rows == 1;
    return seconds(rows == 1 ? busy ? 1.2 : 1.0 : busy ? 1.6 : 1.05);
  });
  auto racers = racers_of(2);
  race_until_quiet(runner.rules(kDropping), racers, always, up_to(0));
  CHECK(racers[1].measurement.status == TrialStatus::dropped);
  busy_samples = 0;
  racers = racers_of(2);
  race_until_quiet(runner.rules(kDropping), racers, always, up_to(1));
  CHECK(racers[1].measurement.status == TrialStatus::measured);
  CHECK(racers[1].measurement.median == 1.05);
}

TEST_CASE("a final ends after as many races as count where all are alike and agree") {
  ScriptedRaces runner(at_times({{1.0, 1.01, 1.015}, {1.5, 1.52, 1.525}}));
  const FinalTimes finals = race_finals(runner.rules(kFinals), final_of_three(), racers_of(2));
  CHECK(runner.calls == std::map<int, int>{{1, 3 * kRounds}, {2, 3 * kRounds}});
  CHECK(finals.left.empty());
  CHECK(samples_of(finals.racers) == without_levels({{1.0, 1.01, 1.015}, {1.5, 1.52, 1.525}}));
  CHECK(finals.racers[0].measurement.median == median(finals.racers[0].measurement.samples));
  CHECK(finals.racers[0].measurement.upper_quartile == quantile(finals.racers[0].measurement.samples, 0.75));

  ScriptedRaces quiet(machine_at({1}));
  CHECK(race_finals(quiet.rules(kFinals), {.rounds = kRounds, .seconds = 1e9}, racers_of(2)).racers.size() == 2);
  CHECK(quiet.calls[1] == FinalRules{}.counting * kRounds);
}

TEST_CASE("a final whose races are alike goes on while its quietest is busier than the machine was") {
  ScriptedRaces runner(at_times({{1.01, 1.011, 1.012, 1.0}, {1.515, 1.516, 1.518, 1.5}}));
  std::vector<double> asked;
  FinalRules rules = final_of_three();
  rules.busy = [&](const std::vector<Racer>& racers) {
    asked.push_back(racers[0].measurement.median);
    return asked.back() > 1.005;
  };
  const FinalTimes finals = race_finals(runner.rules(kFinals), rules, racers_of(2));
  CHECK(asked == std::vector<double>{1.01, 1.0});
  CHECK(runner.calls[1] == 4 * kRounds);
  CHECK(samples_of(finals.racers) == without_levels({{1.0, 1.01, 1.011}, {1.5, 1.515, 1.516}}));
}

// A spell in which another is the fastest may last for seconds: where there was one there may be more.
TEST_CASE("a final in which the machine was busy goes on to its limit, and the quietest third counts") {
  ScriptedRaces runner([](int rows, int race) {
    if (race > 0 && race < 6) return seconds(rows == 1 ? 1.2 : 1.1);
    return seconds(rows == 1 ? 1.0 : 1.05);
  });
  FinalRules rules = final_of_three();
  rules.most = 12;
  const FinalTimes finals = race_finals(runner.rules(kFinals), rules, racers_of(2));
  CHECK(runner.calls[1] == 12 * kRounds);
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].measurement.samples == whole({1, 1, 1, 1}));
  CHECK(finals.racers[1].measurement.samples == whole({1, 1, 1, 1}, 1.05));
}

TEST_CASE("a final whose races contradict one another goes on to its limit") {
  ScriptedRaces runner([](int rows, int race) { return seconds((rows == 1) == (race % 2 == 0) ? 1.1 : 1 / 1.1); });
  FinalRules rules = final_of_three();
  rules.most = 15;
  const FinalTimes finals = race_finals(runner.rules(kFinals), rules, racers_of(2));
  CHECK(runner.calls[1] == 15 * kRounds);
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].measurement.samples.size() == 5 * kRounds);
}

TEST_CASE("a final without enough races alike, or on a busy machine, ends at the limits of races and of time") {
  ScriptedRaces many(at_times({{1.5, 1.1, 1.3, 1.2}, {2.25, 1.65, 1.9, 1.85}}));
  FinalRules rules = final_of_three();
  rules.most = 4;
  FinalTimes finals = race_finals(many.rules(kFinals), rules, racers_of(2));
  CHECK(many.calls[1] == 4 * kRounds);
  CHECK(samples_of(finals.racers) == without_levels({{1.1, 1.2, 1.3}, {1.65, 1.85, 1.9}}));

  ScriptedRaces busy(machine_at({1}));
  rules.most = 7;
  rules.busy = always;
  finals = race_finals(busy.rules(kFinals), rules, racers_of(2));
  CHECK(busy.calls[1] == 7 * kRounds);
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].measurement.samples == whole({1, 1, 1}));

  ScriptedRaces slow(machine_at({1}));
  finals = race_finals(slow.rules(kFinals), final_of_three(2 * kRounds * 2.5), racers_of(2));
  CHECK(slow.calls[1] == 2 * kRounds);
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].measurement.samples == whole({1, 1}));
}

TEST_CASE("a final takes out what slowed one of its races down") {
  ScriptedRaces runner(machine_at({1.0, 1.3, 1.6}));
  FinalRules rules = final_of_three();
  rules.most = 3;
  const FinalTimes finals = race_finals(runner.rules(kFinals), rules, racers_of(3));
  REQUIRE(finals.racers.size() == 3);
  for (const Racer& racer : finals.racers) {
    const double median = 1.3 * (racer.config.rows == 1 ? 1 : racer.config.rows == 2 ? 1.5 : 1.25);
    CHECK(test::near(racer.measurement.lower_quartile, median));
    CHECK(test::near(racer.measurement.median, median));
    CHECK(test::near(racer.measurement.upper_quartile, median));
  }
}

TEST_CASE("who fails in a later race of a final is out of all of them, and the others keep their samples") {
  const auto times = at_times({{1.0, 1.01, 1.015}, {1.5, 1.5, 1.5}, {1.25, 1.25, 1.26}});
  ScriptedRaces runner([&](int rows, int race) -> Result<Sample> {
    if (rows == 2 && race == 1) return Error{ErrorCode::launch_failed, "illegal address"};
    return times(rows, race);
  });
  const FinalTimes finals = race_finals(runner.rules(kFinals), final_of_three(), racers_of(3));
  REQUIRE(finals.left.size() == 1);
  CHECK(finals.left[0].config.rows == 2);
  CHECK(finals.left[0].measurement.status == TrialStatus::launch_failed);
  CHECK(finals.left[0].measurement.samples.empty());
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].config.rows == 1);
  CHECK(finals.racers[1].config.rows == 3);
  CHECK(samples_of(finals.racers) == without_levels({{1.0, 1.01, 1.015}, {1.25, 1.25, 1.26}}));
  CHECK(runner.calls == std::map<int, int>{{1, 3 * kRounds}, {2, kRounds + 1}, {3, 3 * kRounds}});
}

TEST_CASE("a final in which the machine fails one ends, and counts the whole races before") {
  const auto machine = machine_at({1.0, 0.9});
  ScriptedRaces runner([&](int rows, int race) -> Result<Sample> {
    if (rows == 2 && race == 1) return Error{ErrorCode::out_of_memory, "no room"};
    return machine(rows, race);
  });
  const FinalTimes finals = race_finals(runner.rules(kFinals), {.rounds = kRounds, .seconds = 1e9}, racers_of(3));
  REQUIRE(finals.left.size() == 1);
  CHECK(finals.left[0].config.rows == 2);
  CHECK(finals.left[0].untried);
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].measurement.samples == whole({1.0}));
  CHECK(finals.racers[1].measurement.samples == whole({1.0}, 1.25));
}

TEST_CASE("where time is over before the first whole race of a final nobody has times, and nobody is blamed") {
  for (const double deadline : {0.0, 1.0}) {
    CAPTURE(deadline);
    ScriptedRaces runner(machine_at({1}));
    const FinalTimes finals = race_finals(runner.rules(kFinals, deadline), {.rounds = kRounds}, racers_of(2));
    CHECK(runner.calls[1] == (deadline > 0 ? 1 : 0));
    CHECK(runner.calls[2] == 0);
    CHECK(finals.racers.empty());
    CHECK(finals.left.empty());
  }
}

TEST_CASE("a later race of a final that time cuts short does not count") {
  ScriptedRaces runner(machine_at({1.0, 0.9}));
  const FinalTimes finals =
      race_finals(runner.rules(kFinals, kRounds * 2.5 + 0.5), {.rounds = kRounds, .seconds = 1e9}, racers_of(2));
  CHECK(runner.calls == std::map<int, int>{{1, kRounds + 1}, {2, kRounds}});
  CHECK(finals.left.empty());
  REQUIRE(finals.racers.size() == 2);
  CHECK(finals.racers[0].measurement.samples == whole({1.0}));
  CHECK(finals.racers[1].measurement.samples == whole({1.0}, 1.5));
}

}  // namespace fftconv
