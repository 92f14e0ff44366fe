#include "fftconv/statistics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "near.h"

namespace fftconv {

TEST_CASE("quantiles interpolate between samples and do not need them sorted") {
  const std::vector<double> samples{4, 1, 3, 2};
  CHECK(quantile(samples, 0) == doctest::Approx(1));
  CHECK(quantile(samples, 0.5) == doctest::Approx(2.5));
  CHECK(quantile(samples, 0.25) == doctest::Approx(1.75));
  CHECK(quantile(samples, 1) == doctest::Approx(4));
}

TEST_CASE("the median of one sample is that sample, of none it is zero") {
  CHECK(median(std::vector<double>{7}) == 7);
  CHECK(median(std::vector<double>{}) == 0);
}

TEST_CASE("one interrupted sample does not move the median") {
  CHECK(median(std::vector<double>{1, 1, 1, 1, 100}) == 1);
}

TEST_CASE("winsorising moves the tails to the quantiles and keeps the order") {
  const std::vector<double> samples{100, 2, 3, 4, -50};
  CHECK(winsorised(samples, 0.25) == std::vector<double>{4, 2, 3, 4, 2});
}

TEST_CASE("the deviation is infinite below three samples and zero for equal ones") {
  CHECK(std::isinf(relative_deviation(std::vector<double>{1, 1})));
  CHECK(relative_deviation(std::vector<double>{2, 2, 2}) == 0);
}

TEST_CASE("the deviation falls with the root of the number of samples") {
  constexpr unsigned kSeed = 5;
  CAPTURE(kSeed);
  std::mt19937 random(kSeed);
  std::normal_distribution<double> noise(1, 0.05);
  std::vector<double> samples;
  for (int i = 0; i < 1600; ++i) samples.push_back(noise(random));
  const double few = relative_deviation(std::span(samples).first(100));
  const double many = relative_deviation(samples);
  CHECK(test::near(many, few / 4, 0.25));
  // The normal standard error of a median, a little less because the tails were drawn in.
  CHECK(test::near(many, 1.2533 * 0.05 / 40, 0.25));
}

TEST_CASE("a single outlier among many does not keep the deviation up") {
  std::vector<double> samples(30, 1.0);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] += 0.001 * static_cast<double>(i % 3);
  const double before = relative_deviation(samples);
  samples[7] = 50;
  CHECK(relative_deviation(samples) < 2 * before);
}

TEST_CASE("the quietest are the places of the lowest levels, lowest first, and equal ones in their order") {
  using Places = std::vector<std::size_t>;
  const std::vector<double> levels{3, 1, 2, 1, 5};
  CHECK(quietest(levels, 3) == Places{1, 3, 2});
  CHECK(quietest(levels, 1) == Places{1});
  CHECK(quietest(levels, 9) == Places{1, 3, 2, 0, 4});  // fewer than asked for
  CHECK(quietest(levels, 0).empty());
  CHECK(quietest(levels, -1).empty());
  CHECK(quietest(std::vector<double>{}, 3).empty());
}

TEST_CASE("levels are quiet where so many are within the tie of the lowest, in any order, the limit included") {
  CHECK(quiet(std::vector<double>{9, 5, 4, 7, 4.5}, 3, 0.25));
  CHECK_FALSE(quiet(std::vector<double>{9, 5.01, 4, 7, 4.5}, 3, 0.25));
  CHECK_FALSE(quiet(std::vector<double>{9, 5, 4, 7, 4.5}, 4, 0.25));
  CHECK_FALSE(quiet(std::vector<double>{1, 1}, 3, 0.25));  // alike, and too few
  CHECK_FALSE(quiet(std::vector<double>{}, 1, 0.25));
  CHECK(quiet(std::vector<double>{2, 1, 1}, 2, 0));
  CHECK_FALSE(quiet(std::vector<double>{2, 1, 1.001}, 2, 0));
}

TEST_CASE("what slows a whole round down is its level, whoever is slower than others") {
  std::vector<std::vector<double>> samples{{1, 1.2, 1, 0.9, 1}, {3, 3.6, 3, 2.7, 3}, {2, 2.4, 2, 1.8, 2}};
  const std::vector<double> levels = round_levels(samples);
  REQUIRE(levels.size() == 5);
  for (const std::size_t usual : {0, 2, 4}) CHECK(levels[usual] == 1);
  CHECK(test::near(levels[1], 1.2));
  CHECK(test::near(levels[3], 0.9));
  level_rounds(samples);
  for (const double sample : samples[1]) CHECK(test::near(sample, 3));
}

TEST_CASE("times that do not move stay as they are to the last bit") {
  std::vector<std::vector<double>> samples{std::vector<double>(7, 1.1e-5), std::vector<double>(7, 0.3e-5)};
  const std::vector<double> levels = round_levels(samples);
  CHECK(levels == std::vector<double>(7, 1));
  level_rounds(samples);
  CHECK(samples[0] == std::vector<double>(7, 1.1e-5));
}

TEST_CASE("one interrupted sample of four candidates or more does not move the level of its round") {
  std::vector<std::vector<double>> samples(4, std::vector<double>(5, 1.0));
  samples[2][3] = 50;
  CHECK(round_levels(samples) == std::vector<double>(5, 1));
}

TEST_CASE("who left early has no say in the levels, and gets those of the rounds that it ran in") {
  // It ran in slow rounds alone: beside its own median they are nothing special.
  std::vector<std::vector<double>> samples{{1.3, 1.3, 1, 1, 1, 1}, {1.3, 1.3, 1, 1, 1, 1}, {2.6, 2.6}};
  level_rounds(samples);
  REQUIRE(samples[2].size() == 2);
  for (const double sample : samples[2]) CHECK(test::near(sample, 2));
}

TEST_CASE("a round that was cut short has the level of those that ran in it, or none where one did") {
  CHECK(test::near(round_levels(std::vector<std::vector<double>>{{1, 1, 1, 1.5}, {2, 2, 2, 3}, {1, 1, 1}})[3], 1.5));
  CHECK(round_levels(std::vector<std::vector<double>>{{1, 1, 1, 1.5}, {2, 2, 2}})[3] == 1);
}

TEST_CASE("a candidate alone has no rounds to compare") {
  CHECK(round_levels(std::vector<std::vector<double>>{{1, 2, 3}}) == std::vector<double>(3, 1));
  CHECK(round_levels(std::vector<std::vector<double>>{{1, 2, 3}, {}}) == std::vector<double>(3, 1));
  CHECK(round_levels(std::vector<std::vector<double>>{}).empty());
}

TEST_CASE("medians without the levels of rounds tell candidates apart that plain medians do not") {
  constexpr unsigned kSeed = 11;
  CAPTURE(kSeed);
  std::mt19937 random(kSeed);
  std::lognormal_distribution<double> own(0, 0.05), common(0, 0.25);  // as on a shared machine
  const std::vector<double> truth{1.0, 1.03, 1.06, 1.09, 1.12};
  int plain = 0, levelled = 0;
  constexpr int kRaces = 200;
  for (int race = 0; race < kRaces; ++race) {
    std::vector<std::vector<double>> samples(truth.size());
    double level = 1;
    for (int round = 0; round < 28; ++round) {
      // Rounds beside each other are alike, and one in which a level begins is neither.
      const double next = round % 7 == 0 ? common(random) : level;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        const bool begun = static_cast<double>(i) >= 5.0 * std::generate_canonical<double, 32>(random);
        samples[i].push_back(truth[i] * own(random) * (begun ? next : level));
      }
      level = next;
    }
    const auto first_wins = [&] {
      for (std::size_t i = 1; i < samples.size(); ++i) {
        if (median(samples[i]) <= median(samples[0])) return false;
      }
      return true;
    };
    plain += first_wins();
    level_rounds(samples);
    levelled += first_wins();
  }
  CAPTURE(plain);
  CAPTURE(levelled);
  CHECK(2 * (kRaces - levelled) < kRaces - plain);
}

TEST_CASE("a summary holds the quartiles of its samples") {
  Measurement measurement;
  measurement.samples = {5, 1, 2, 4, 3};
  summarise(measurement);
  CHECK(measurement.lower_quartile == 2);
  CHECK(measurement.median == 3);
  CHECK(measurement.upper_quartile == 4);
  CHECK(measurement.samples == std::vector<double>{5, 1, 2, 4, 3});
}

}  // namespace fftconv
