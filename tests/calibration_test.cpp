// The cost model's calibration on synthetic trials whose law is known.
#include "fftconv/calibration.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "cpu_facts.h"
#include "fftconv/search_space.h"
#include "near.h"

namespace fftconv {
namespace {

Problem problem_of(std::int64_t seqlen, std::int64_t batch = 8) {
  return {.seqlen = seqlen, .filter_len = seqlen, .batch = batch, .channels = 16};
}

/// A device whose kernels take what the model predicts, times 3, times what streaming stores and interleaving bring.
double law(const Problem& problem, const KernelConfig& config) {
  double factor = 3;
  if (config.streaming) factor *= 0.8;
  if (config.interleave == 2) factor *= 0.9;
  if (config.lanes == 8) factor *= 1.3;
  return factor * predict(problem, config, test::cpu_facts()).total_s;
}

std::vector<TimedCandidate> trials_of(const std::vector<Problem>& problems, double noise, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, noise);
  std::vector<TimedCandidate> trials;
  for (const Problem& problem : problems) {
    for (const KernelConfig& config : search_space(problem, test::cpu_facts()).configs) {
      trials.push_back({problem, config, law(problem, config) * std::exp(normal(random))});
    }
  }
  return trials;
}

const std::vector<Problem> kKnown{problem_of(512), problem_of(2048), problem_of(3000), problem_of(16384)};
const Problem kNew = problem_of(8192, 4);

/// How much slower than the best the candidate is that `calibration` ranks first.
double regret_of_first(const Problem& problem, const Calibration* calibration) {
  const std::vector<Ranked> ranked = rank(problem, test::cpu_facts(), calibration);
  double best = std::numeric_limits<double>::infinity();
  for (const Ranked& candidate : ranked) best = std::min(best, law(problem, candidate.config));
  return law(problem, ranked.front().config) / best - 1;
}

}  // namespace

TEST_CASE("a law that the traits can express is found, and ranks a problem that was not among the trials") {
  const auto calibration = Calibration::fit(trials_of(kKnown, 0.02, 1), test::cpu_facts());
  REQUIRE(calibration);
  CHECK(calibration->problems() == 4);
  CHECK(calibration->spread() < 0.03);
  CHECK(regret_of_first(kNew, nullptr) > 0.05);  // else there was nothing to be learned
  CHECK(regret_of_first(kNew, &*calibration) < 0.01);
  for (const Ranked& candidate : rank(kNew, test::cpu_facts(), &*calibration)) {
    CHECK(test::near(candidate.expected_s, law(kNew, candidate.config), 0.1));
  }
}

TEST_CASE("rates that another process measured otherwise do not move what a calibration expects") {
  const std::vector<TimedCandidate> trials = trials_of(kKnown, 0.02, 1);
  DeviceFacts other = test::cpu_facts();
  other.clock_hz *= 1.2;
  other.memory_bytes_per_s *= 0.5;
  other.l2_bytes_per_s *= 1.3;
  other.fma_f32_flops *= 0.9;
  const auto here = Calibration::fit(trials, test::cpu_facts()), there = Calibration::fit(trials, other);
  REQUIRE(here);
  REQUIRE(there);
  const std::vector<Ranked> one = rank(kNew, test::cpu_facts(), &*here), two = rank(kNew, other, &*there);
  REQUIRE(one.size() == two.size());
  bool predictions_differ = false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].config == two[i].config);
    CHECK(one[i].expected_s == two[i].expected_s);
    predictions_differ |= one[i].cost.total_s != two[i].cost.total_s;
  }
  CHECK(predictions_differ);
}

TEST_CASE("what no sum of traits expresses is found, too: an order of radices that is slow with one leaf alone") {
  const auto hidden = [](const Problem& problem, const KernelConfig& config) {
    const bool slow = config.radices.size() > 1 && config.radices.front() % 2 == 0 && config.radices.back() == 64;
    return law(problem, config) * (slow ? 1.2 : 1);
  };
  std::vector<TimedCandidate> trials = trials_of(kKnown, 0, 7);
  for (TimedCandidate& trial : trials) trial.seconds = hidden(trial.problem, trial.config);
  const auto calibration = Calibration::fit(trials, test::cpu_facts());
  REQUIRE(calibration);
  CHECK(calibration->spread() > 0.03);  // what the weights alone leave
  const std::vector<Ranked> ranked = rank(kNew, test::cpu_facts(), &*calibration);
  double squares = 0, count = 0, best = std::numeric_limits<double>::infinity();
  for (const Ranked& candidate : ranked) best = std::min(best, hidden(kNew, candidate.config));
  for (const Ranked& candidate : ranked) {
    if (hidden(kNew, candidate.config) > 1.3 * best) continue;  // what is far from the best is not learned so well
    const double error = std::log(candidate.expected_s / hidden(kNew, candidate.config));
    squares += error * error, ++count;
  }
  CHECK(std::sqrt(squares / count) < 0.6 * calibration->spread());
}

TEST_CASE("one trial in twenty that is wrong by a factor of ten moves nothing") {
  std::vector<TimedCandidate> trials = trials_of(kKnown, 0.02, 2);
  for (std::size_t i = 0; i < trials.size(); i += 20) trials[i].seconds *= 10;
  const auto calibration = Calibration::fit(trials, test::cpu_facts());
  REQUIRE(calibration);
  CHECK(regret_of_first(kNew, &*calibration) < 0.01);
}

TEST_CASE("too few trials, or of too few problems, make no calibration") {
  const std::vector<TimedCandidate> trials = trials_of(kKnown, 0.02, 3);
  CHECK_FALSE(Calibration::fit({}, test::cpu_facts()));
  CHECK_FALSE(Calibration::fit(std::span(trials).first(20), test::cpu_facts()));
  CHECK_FALSE(Calibration::fit(trials_of({problem_of(512)}, 0.02, 4), test::cpu_facts()));
}

TEST_CASE("times that are no times are left out, and what comes out is finite") {
  std::vector<TimedCandidate> trials = trials_of(kKnown, 0.02, 5);
  trials[3].seconds = 0;
  trials[5].seconds = -1;
  trials[7].seconds = std::numeric_limits<double>::quiet_NaN();
  trials[9].seconds = std::numeric_limits<double>::infinity();
  const auto calibration = Calibration::fit(trials, test::cpu_facts());
  REQUIRE(calibration);
  for (const Ranked& candidate : rank(kNew, test::cpu_facts(), &*calibration)) {
    CHECK(std::isfinite(candidate.expected_s));
    CHECK(candidate.expected_s > 0);
  }
}

TEST_CASE("trials that are all of one candidate's kind leave the other traits alone") {
  // Collinear: no trial streams, none has two leaves in flight, all have the widest vectors.
  std::vector<TimedCandidate> trials = trials_of(kKnown, 0.0, 6);
  std::erase_if(trials, [](const TimedCandidate& trial) {
    return trial.config.streaming || trial.config.interleave != 1 || trial.config.lanes != 16;
  });
  const auto calibration = Calibration::fit(trials, test::cpu_facts());
  REQUIRE(calibration);
  for (const Ranked& candidate : rank(kNew, test::cpu_facts(), &*calibration)) {
    const double ratio = candidate.expected_s / law(kNew, candidate.config);
    CHECK(ratio > 0.3);
    CHECK(ratio < 3);
  }
}

TEST_CASE("candidates of one problem have traits of one length, all finite, on every kind of device") {
  for (const DeviceFacts& device : {test::cpu_facts(), facts_of_arch("sm_90a").value()}) {
    for (const std::int64_t seqlen : {1, 7, 256, 1000, 4096, 32768}) {
      const Problem problem = problem_of(seqlen);
      std::size_t length = 0;
      for (const KernelConfig& config : search_space(problem, device).configs) {
        const std::vector<double> traits = candidate_traits(problem, config, device);
        const std::vector<double> structure = candidate_structure(problem, config);
        if (length == 0) length = traits.size() + structure.size();
        CHECK(traits.size() + structure.size() == length);
        for (const double trait : traits) CHECK(std::isfinite(trait));
        for (const double number : structure) CHECK(std::isfinite(number));
      }
    }
  }
}

}  // namespace fftconv
