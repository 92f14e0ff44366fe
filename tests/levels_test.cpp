// Times of many races on one scale: what a search's best so far tells of the machine.
#include "search/levels.h"

#include <doctest/doctest.h>

#include "fake_bench.h"
#include "near.h"

namespace fftconv {
namespace {

constexpr double kTie = 0.02;

KernelConfig config_at(std::size_t place) {
  static const std::vector<KernelConfig> configs = ranked_configs(small_problem(), *make_fake_device({}));
  return configs.at(place);
}

Racer timed(std::size_t place, double median_s) {
  Racer racer{config_at(place), {}};
  racer.measurement.median = median_s;
  return racer;
}

TEST_CASE("a race's pace is that of its best against its level, and turns the others' times into levels") {
  Levels levels(kTie);
  levels.put(to_string(config_at(0)), 1e-5);
  CHECK(levels.pace(timed(0, 1.25e-5)) == doctest::Approx(0.8));
  CHECK(levels.pace(timed(0, 0)) == 1);  // no time: nothing is known
  const double scale = levels.scale(levels.pace(timed(0, 1.25e-5)));
  levels.put(to_string(config_at(1)), 1.5e-5, scale);
  CHECK(test::near(levels.of(config_at(1)), 1.2e-5));
}

TEST_CASE("a change of pace within a tie scales nothing, a larger one wholly; with a tie of 0 each does") {
  const Levels levels(kTie);
  CHECK(levels.scale(1.019) == 1);
  CHECK(levels.scale(1 / 1.019) == 1);
  CHECK(levels.scale(1.021) == doctest::Approx(1.021));
  CHECK(levels.scale(1 / 1.021) == doctest::Approx(1 / 1.021));
  CHECK(Levels(0).scale(1.0001) == doctest::Approx(1.0001));
}

TEST_CASE("who was timed while the machine was slower than in another race is in doubt until timed again") {
  Levels levels(kTie);
  levels.timed_at(config_at(0), 1);
  levels.timed_at(config_at(1), 0.97);
  CHECK_FALSE(levels.in_doubt(config_at(0)));
  CHECK(levels.in_doubt(config_at(1)));
  CHECK_FALSE(levels.in_doubt(config_at(2)));  // not of this search

  levels.held_race_at(1.1);  // the first race was a busy one, as is known now
  CHECK(levels.in_doubt(config_at(0)));
  levels.held_race_at(0.5);  // a slower race takes nothing back
  CHECK(levels.in_doubt(config_at(0)));

  levels.confirmed_at(config_at(0), 1.09);
  CHECK_FALSE(levels.in_doubt(config_at(0)));
  levels.confirmed_at(config_at(0), 0.6);  // its level stands: a busy race after a quiet one costs it nothing
  CHECK_FALSE(levels.in_doubt(config_at(0)));
  CHECK_FALSE(levels.quieter(config_at(0), 1.09));
  CHECK(levels.quieter(config_at(0), 1.095));
  levels.timed_at(config_at(0), 0.6);
  CHECK(levels.in_doubt(config_at(0)));
  CHECK(levels.timed(config_at(0)));
  CHECK_FALSE(levels.timed(config_at(2)));
  CHECK(levels.quieter(config_at(2), 0.1));  // anything says more than nothing
}

TEST_CASE("with a tie of 0 times are exact, and nobody is in doubt") {
  Levels levels(0);
  levels.held_race_at(2);
  levels.timed_at(config_at(0), 0.5);
  CHECK_FALSE(levels.busy(0.5));
  CHECK_FALSE(levels.in_doubt(config_at(0)));
  levels.put(to_string(config_at(0)), 1e-5);
  CHECK_FALSE(levels.busier_than_known({timed(0, 1.1e-5)}));
}

TEST_CASE("a race is busier than known where those without doubt are two ties slower than they were") {
  Levels levels(kTie);
  levels.put(to_string(config_at(0)), 1e-5);
  levels.timed_at(config_at(0), 1);
  levels.put(to_string(config_at(1)), 2e-5);
  levels.timed_at(config_at(1), 1);
  levels.put(to_string(config_at(2)), 3e-5);
  levels.timed_at(config_at(2), 0.5);         // in doubt: it says nothing, however slow
  levels.put(to_string(config_at(3)), 4e-5);  // of another search: neither does it
  const auto race = [](double first, double second) {
    return std::vector<Racer>{timed(0, first), timed(1, second), timed(2, 30e-5), timed(3, 40e-5)};
  };
  CHECK_FALSE(levels.busier_than_known(race(1e-5, 2e-5)));
  CHECK_FALSE(levels.busier_than_known(race(1.03e-5, 2.06e-5)));
  CHECK(levels.busier_than_known(race(1.05e-5, 2.1e-5)));
  CHECK_FALSE(levels.busier_than_known(race(1.08e-5, 1.96e-5)));  // 2.9 % on the mean
  CHECK_FALSE(levels.busier_than_known({timed(2, 30e-5)}));       // nothing is known
}

}  // namespace
}  // namespace fftconv
