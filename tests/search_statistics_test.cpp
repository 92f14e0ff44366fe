// Searches over noisy times, scripted and without a clock: the winner must be the device's and not the noise's.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "fake_bench.h"
#include "fftconv/search.h"
#include "fftconv/statistics.h"
#include "near.h"

namespace fftconv {
namespace {

constexpr int kRepeats = 10;

/// Turns the true time of a sample into a measured one; `now` is the number of samples taken so far, by all.
using Noise = std::function<Sample(double truth, int now, std::mt19937_64& random)>;

/// True seconds of a candidate: what its text says to a hash, within 40 % of each other. `lead`: the fastest of all
/// is ahead of every other by so much.
double truth_of(const KernelConfig& config, double lead) {
  const std::uint64_t hash = std::hash<std::string>{}(to_string(config)) * 0x9e3779b97f4a7c15ull;
  static const std::string fastest = to_string(ranked_configs(small_problem(), *make_fake_device({}))[17]);
  if (to_string(config) == fastest) return 1e-5 / (1 + lead);
  return 1e-5 * (1 + 0.4 * static_cast<double>(hash >> 40) / static_cast<double>(1 << 24));
}

SearchSummary searched(const Noise& noise, std::uint64_t seed, double lead) {
  auto random = std::make_shared<std::mt19937_64>(seed);
  // Wherever in its drift the device is when the search begins.
  auto now = std::make_shared<int>(static_cast<int>((*random)() % 2000));
  auto clock = std::make_shared<double>(0);
  FakeScript script;
  script.sample = [=](const KernelConfig& config, int) {
    const Sample sample = noise(truth_of(config, lead), (*now)++, *random);
    *clock += sample.seconds;
    return sample;
  };
  const auto context = context_on(make_fake_device(std::move(script)));
  // The ranking's first 60, the same each time.
  SearchOptions options{.rigor = Rigor::exhaustive, .max_trials = 60, .clock = [=] { return *clock; }};
  options.compile_threads = 0;
  const Result<SearchSummary> summary = search(*context, small_problem(), options);
  REQUIRE_MESSAGE(summary, summary.error().message);
  REQUIRE(summary->winner);
  return *summary;
}

constexpr double kLead = 0.08;
constexpr std::uint64_t kDraws = 60;

/// A machine that others use, too: spells of a second or so in which all are slower, and the fastest most of all. On
/// a shared processor kernels with streaming stores are like that.
class BusySpells {
 public:
  explicit BusySpells(std::uint64_t seed) : random_(seed) { next_spell(); }
  Sample sample(double truth, double now) {
    while (now >= end_) next_spell();
    const double noise = std::lognormal_distribution<double>(0, 0.01)(random_);
    const bool fastest = truth < 1e-5;
    return Sample{.seconds = 100 * truth * noise * (busy_ ? fastest ? 1.3 : 1.1 : 1)};
  }

 private:
  void next_spell() {
    busy_ = random_() % 5 < 2;
    end_ += std::uniform_real_distribution<double>(0.2, 1.5)(random_);
  }
  std::mt19937_64 random_;
  double end_ = 0;
  bool busy_ = false;
};

std::vector<SearchSummary> repeated(const Noise& noise, double lead) {
  std::vector<SearchSummary> all;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    all.push_back(searched(noise, 1000 + static_cast<std::uint64_t>(repeat), lead));
  }
  return all;
}

std::string usual_winner(const std::vector<SearchSummary>& all) {
  std::map<std::string, int> wins;
  for (const SearchSummary& summary : all) ++wins[to_string(summary.winner->config)];
  return std::max_element(wins.begin(), wins.end(), [](auto& a, auto& b) { return a.second < b.second; })->first;
}

Sample plain(double seconds) { return {.seconds = seconds, .clock_hz = 1.7e9}; }

const std::map<std::string, Noise> kNoises{
    {"lognormal noise of 2 % with interrupts",
     [](double truth, int, std::mt19937_64& random) {
       std::lognormal_distribution<double> noise(0, 0.02);
       const bool interrupted = random() % 20 == 0;
       return plain(truth * noise(random) * (interrupted ? 1.5 + 0.001 * static_cast<double>(random() % 1000) : 1));
     }},
    {"a clock that drifts by 10 % up and down",
     [](double truth, int now, std::mt19937_64& random) {
       std::lognormal_distribution<double> noise(0, 0.005);
       return plain(truth * noise(random) * (1 + 0.05 * std::sin(now / 150.0)));
     }},
    {"two speeds, 8 % apart, that change every few hundred samples",
     [](double truth, int now, std::mt19937_64& random) {
       std::lognormal_distribution<double> noise(0, 0.005);
       return plain(truth * noise(random) * (now / 300 % 2 == 0 ? 1.0 : 1.08));
     }},
    {"throttling in one sample of four",
     [](double truth, int, std::mt19937_64& random) {
       std::lognormal_distribution<double> noise(0, 0.01);
       const bool throttled = random() % 4 == 0;
       return Sample{.seconds = truth * noise(random) * (throttled ? 1.4 : 1),
                     .clock_hz = throttled ? 1.2e9 : 1.7e9,
                     .throttled = throttled};
     }},
};

}  // namespace

TEST_CASE("a candidate that is 3 % ahead wins in nine of ten repeats under any noise") {
  for (const auto& [name, noise] : kNoises) {
    CAPTURE(name);
    int same = 0;
    for (const SearchSummary& summary : repeated(noise, 0.03)) same += truth_of(summary.winner->config, 0.03) < 1e-5;
    CHECK(same >= 9);
  }
}

TEST_CASE("where a machine is busy for seconds at a time, the one that is 8 % ahead while it is quiet wins") {
  int right = 0;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    auto spells = std::make_shared<BusySpells>(seed);
    auto clock = std::make_shared<double>(0);
    FakeScript script;
    script.compile = [=](const KernelConfig&) -> Result<void> {
      *clock += 0.2;
      return {};
    };
    script.sample = [=](const KernelConfig& config, int) {
      const Sample sample = spells->sample(truth_of(config, kLead), *clock);
      *clock += sample.seconds;
      return sample;
    };
    const auto context = context_on(make_fake_device(std::move(script)));
    SearchOptions options{.rigor = Rigor::exhaustive, .max_trials = 60, .clock = [=] { return *clock; }};
    options.compile_threads = 0;
    const Result<SearchSummary> summary = search(*context, small_problem(), options);
    REQUIRE_MESSAGE(summary, summary.error().message);
    right += truth_of(summary->winner->config, kLead) < 1e-5;
  }
  MESSAGE(fmt::format("{} of {}", right, kDraws));
  CHECK(right >= kDraws * 9 / 10);
}

TEST_CASE("where many are as fast, a repeat with another winner says that it is a tie, and it is one") {
  for (const auto& [name, noise] : kNoises) {
    CAPTURE(name);
    const std::vector<SearchSummary> all = repeated(noise, 0);
    const std::string usual = usual_winner(all);
    int explained = 0;
    for (const SearchSummary& summary : all) {
      explained += to_string(summary.winner->config) == usual || summary.tie;
      CHECK(truth_of(summary.winner->config, 0) <= 1.02 * truth_of(parse_config(usual).value(), 0));
    }
    CHECK(explained >= 9);
  }
}

TEST_CASE("a winner without a near rival is no tie, and the runner-up is named") {
  KernelConfig fastest, second;
  FakeScript script;
  script.sample = [&](const KernelConfig& config, int) {
    return plain(config == fastest ? 1e-5 : config == second ? 1.2e-5 : 1.5e-5);
  };
  const auto device = make_fake_device(script);
  fastest = ranked_configs(small_problem(), *device)[1];
  second = ranked_configs(small_problem(), *device)[2];
  const auto context = context_on(device);
  const SearchSummary summary = search(*context, small_problem(), {.rigor = Rigor::exhaustive}).value();
  CHECK(summary.winner->config == fastest);
  CHECK_FALSE(summary.tie);
  REQUIRE(summary.runner_up);
  CHECK(summary.runner_up->config == second);
}

TEST_CASE("two that are 1 % apart are a tie, and it is said") {
  FakeScript script;
  std::vector<KernelConfig> configs;
  script.sample = [&](const KernelConfig& config, int) {
    return plain(config == configs[1] ? 1e-5 : config == configs[2] ? 1.01e-5 : 1.5e-5);
  };
  const auto device = make_fake_device(script);
  configs = ranked_configs(small_problem(), *device);
  const auto context = context_on(device);
  const SearchSummary summary = search(*context, small_problem(), {.rigor = Rigor::exhaustive}).value();
  CHECK(summary.winner->config == configs[1]);
  CHECK(summary.tie);
  REQUIRE(summary.runner_up);
  CHECK(summary.runner_up->config == configs[2]);
  const Plan plan = context->plan(small_problem(), {.rigor = Rigor::cached_only}).value();
  CHECK(plan.explain().find("a tie with " + to_string(configs[2])) != std::string::npos);
}

TEST_CASE("quartiles of the samples are stored with every trial") {
  const auto context = context_on(make_fake_device([] {
    FakeScript script;
    // Not all are slower in the same rounds: what is common to a round is taken out.
    script.sample = [](const KernelConfig& config, int call) {
      const auto own = static_cast<int>(std::hash<std::string>{}(to_string(config)) % 5);
      return plain(1e-5 * (1 + 0.1 * ((call + own) * (call + 2 * own) % 5)));
    };
    return script;
  }()));
  REQUIRE(search(*context, small_problem(), {.rigor = Rigor::measure}));
  std::vector<Trial> trials;
  context->with_database([&](TuningDb& db) { trials = db.trials(context->environment(), small_problem()); });
  REQUIRE(!trials.empty());
  for (const Trial& trial : trials) {
    const Measurement& m = trial.measurement;
    CHECK(test::near(m.lower_quartile, quantile(m.samples, 0.25)));
    CHECK(test::near(m.median, quantile(m.samples, 0.5)));
    CHECK(test::near(m.upper_quartile, quantile(m.samples, 0.75)));
    CHECK(m.lower_quartile < m.upper_quartile);
    CHECK(m.clock_hz == 1.7e9);
    CHECK(trial.predicted_s > 0);
  }
}

TEST_CASE("a quiet race ends early, a noisy one goes on to its limit of samples, any ends with its time") {
  const auto samples_at = [](double noise, double budget_s) {
    auto random = std::make_shared<std::mt19937_64>(7);
    auto clock = std::make_shared<double>(0);
    FakeScript script;
    script.sample = [=](const KernelConfig&, int) {
      std::lognormal_distribution<double> distribution(0, noise);
      const double seconds = distribution(*random);
      *clock += seconds;
      return Sample{.seconds = seconds};
    };
    const auto context = context_on(make_fake_device(std::move(script)));
    SearchOptions options{.rigor = Rigor::measure, .budget_s = budget_s, .clock = [=] { return *clock; }};
    options.max_trials = 1;
    return search(*context, small_problem(), options).value().winner->measurement.samples.size();
  };
  const MeasurePolicy policy;
  CHECK(samples_at(1e-4, 1e9) == static_cast<std::size_t>(policy.min_samples));
  CHECK(samples_at(0.3, 1e9) == static_cast<std::size_t>(policy.max_samples));
  const std::size_t cut = samples_at(0.3, 10);
  CHECK(cut >= 5);
  CHECK(cut < 15);
}

TEST_CASE("fewer trials than a rigor promises do not count as that rigor, all of the space does") {
  const auto context = context_on(make_fake_device({}));
  CHECK_FALSE(
      search(*context, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 20}).value().record.complete);
  CHECK_FALSE(search(*context, small_problem(), {.rigor = Rigor::patient, .max_trials = 30}).value().record.complete);
  CHECK(search(*context, small_problem(), {.rigor = Rigor::measure}).value().record.complete);
  CHECK(search(*context, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 1'000'000})
            .value()
            .record.complete);
}

TEST_CASE("one that was timed in a slow spell is compared through the best so far, and wins if it is faster") {
  // All of the third heat and what follows runs 60 % slower; the fastest is in it. By its own time it is 28 % behind
  // the best until then: too far to be a finalist.
  std::vector<KernelConfig> configs;
  FakeScript script;
  auto seen = std::make_shared<std::set<std::string>>();
  auto now = std::make_shared<double>(0);
  script.sample = [&configs, seen, now](const KernelConfig& config, int) {
    seen->insert(to_string(config));
    const double truth = config == configs[20] ? 0.8e-5 : config == configs[3] ? 1e-5 : 1.22e-5;
    const double seconds = truth * (seen->size() > 16 ? 1.6 : 1);
    *now += seconds;
    return plain(seconds);
  };
  const auto device = make_fake_device(script);
  configs = ranked_configs(small_problem(), *device);
  const auto context = context_on(device);
  const SearchOptions options{.rigor = Rigor::exhaustive, .clock = [now] { return *now; }};
  const SearchSummary summary = search(*context, small_problem(), options).value();
  CHECK(summary.winner->config == configs[20]);
  CHECK(test::near(summary.regret_of_first.value(), 1.22 / 0.8 - 1));
  // The database agrees, although the loser's own median, which stays as it was measured, is the lower one.
  const std::vector<Trial> trials = trials_of(*context, small_problem());
  CHECK(trials.front().config == configs[20]);
  const auto first = std::ranges::find(trials, configs[0], &Trial::config);
  REQUIRE(first != trials.end());
  CHECK(at_other_pace(first->measurement));
  CHECK(test::near(first->measurement.median, 1.22e-5));
  CHECK(first->measurement.median == median(first->measurement.samples));
  const Plan plan = context->plan(small_problem(), {.rigor = Rigor::cached_only}).value();
  CHECK(plan.config() == configs[20]);

  // Later searches know that both times cannot be compared, and say nothing rather than that there was no regret.
  const double before = *now;
  const SearchSummary later = search(*context, small_problem(), options).value();
  CHECK(*now == before);
  CHECK(later.winner->config == configs[20]);
  CHECK_FALSE(later.regret_of_first);
}

TEST_CASE("a time at another pace of the machine is no tie with the winner's") {
  const auto device = make_fake_device({});
  const std::vector<KernelConfig> configs = ranked_configs(small_problem(), *device);
  const auto explained = [&](const std::string& reason) {
    const auto context = context_on(device);
    put(*context, trial_of(*context, small_problem(), configs[0], 1e-5));
    Trial other = trial_of(*context, small_problem(), configs[1], 0.99e-5);
    other.measurement.status = TrialStatus::dropped;
    other.measurement.reason = reason;
    put(*context, other);
    return context->plan(small_problem()).value().explain();
  };
  const std::string tie = "a tie with " + to_string(configs[1]);
  CHECK(explained("1.0 % faster than the incumbent.").find(tie) != std::string::npos);
  CHECK(explained(std::string(kOtherPace) + "20.0 % slower.").find("a tie") == std::string::npos);
}

/// The fastest is 15 % slower than the next in its first race. `samples`: how many it has.
static Sample unlucky_in_its_heat(const std::vector<KernelConfig>& configs, const KernelConfig& config,
                                  int& samples) {
  if (config == configs[20]) return plain(++samples <= MeasurePolicy{}.max_samples ? 1.15e-5 : 0.9e-5);
  return plain(config == configs[3] ? 1e-5 : 1.4e-5);
}

TEST_CASE("one that alone was slowed down in its heat, by 15 %, is a finalist and wins") {
  std::vector<KernelConfig> configs;
  FakeScript script;
  auto samples = std::make_shared<int>(0);
  script.sample = [&configs, samples](const KernelConfig& config, int) {
    return unlucky_in_its_heat(configs, config, *samples);
  };
  const auto device = make_fake_device(script);
  configs = ranked_configs(small_problem(), *device);
  const auto context = context_on(device);
  const SearchSummary summary =
      search(*context, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 40}).value();
  CHECK(*samples > MeasurePolicy{}.max_samples);
  CHECK(summary.winner->config == configs[20]);
}

TEST_CASE("a search that was stopped before its finals is not complete, and holds them when it is taken up again") {
  std::vector<KernelConfig> configs;
  FakeScript script;
  auto samples = std::make_shared<int>(0), of_all = std::make_shared<int>(0);
  script.sample = [&configs, samples, of_all](const KernelConfig& config, int) {
    ++*of_all;
    return unlucky_in_its_heat(configs, config, *samples);
  };
  const auto device = make_fake_device(script);
  configs = ranked_configs(small_problem(), *device);
  const auto context = context_on(device);
  SearchOptions options{.rigor = Rigor::exhaustive};
  bool stop = false;
  options.progress = [&](const SearchProgress& progress) { stop = progress.done == progress.total; };
  options.cancelled = [&] { return stop; };
  const SearchSummary stopped = search(*context, small_problem(), options).value();
  REQUIRE(stop);
  CHECK_FALSE(stopped.record.complete);
  CHECK(stopped.winner->config == configs[3]);
  CHECK(*samples <= MeasurePolicy{}.max_samples);

  const SearchSummary whole = search(*context, small_problem(), {.rigor = Rigor::exhaustive}).value();
  CHECK(whole.reused == whole.record.measured);
  CHECK(whole.record.complete);
  CHECK(whole.winner->config == configs[20]);
  const int before = *of_all;
  CHECK(search(*context, small_problem(), {.rigor = Rigor::exhaustive}).value().winner->config == configs[20]);
  CHECK(*of_all == before);  // nothing is left to be decided
}

TEST_CASE("one that is looked at again in a still busier race keeps its time") {
  // Two heats tell how fast the machine can be. In the third it is 10 % slower, and 40 % from then on.
  std::vector<KernelConfig> configs;
  FakeScript script;
  auto seen = std::make_shared<std::set<std::string>>();
  auto now = std::make_shared<double>(0);
  auto all_tried = std::make_shared<bool>(false);
  auto samples_again = std::make_shared<int>(0);
  script.sample = [=, &configs](const KernelConfig& config, int) {
    seen->insert(to_string(config));
    *samples_again += *all_tried && config == configs[20];
    const double slower = seen->size() <= 16 ? 1 : seen->size() <= 24 ? 1.1 : 1.4;
    const double truth = config == configs[0] ? 1e-5 : config == configs[20] ? 1.1e-5 : 1.5e-5;
    *now += truth * slower;
    return plain(truth * slower);
  };
  const auto device = make_fake_device(script);
  configs = ranked_configs(small_problem(), *device);
  const auto context = context_on(device);
  SearchOptions options{.rigor = Rigor::exhaustive, .max_trials = 40, .clock = [now] { return *now; }};
  options.progress = [&](const SearchProgress& progress) { *all_tried = progress.done == progress.total; };
  options.cancelled = [&] { return *samples_again >= 3; };  // the finals would time it once more
  const SearchSummary summary = search(*context, small_problem(), options).value();
  CHECK(*samples_again >= 3);
  CHECK(summary.winner->config == configs[0]);
  const std::vector<Trial> trials = trials_of(*context, small_problem());
  const auto kept = std::ranges::find(trials, configs[20], &Trial::config);
  REQUIRE(kept != trials.end());
  CHECK(test::near(kept->measurement.median, 1.1 * 1.1e-5));
}

TEST_CASE("where a search is stopped before its finals, the winner that it tells is the one that plans get") {
  // The first heat runs 10 % slower than the second; the fastest is in it, and the search ends with the second.
  std::vector<KernelConfig> configs;
  FakeScript script;
  auto seen = std::make_shared<std::set<std::string>>();
  auto stop = std::make_shared<bool>(false);
  script.sample = [&configs, seen, stop](const KernelConfig& config, int call) {
    seen->insert(to_string(config));
    *stop |= seen->size() == 16 && call >= 4 && config != configs[0];
    const double truth = config == configs[0] ? 1e-5 : 1.15e-5;
    return plain(truth * (seen->size() > 8 ? 1 : 1.1));
  };
  const auto device = make_fake_device(script);
  configs = ranked_configs(small_problem(), *device);
  const auto context = context_on(device);
  SearchOptions options{.rigor = Rigor::exhaustive, .max_trials = 40};
  options.cancelled = [stop] { return *stop; };
  const SearchSummary summary = search(*context, small_problem(), options).value();
  CHECK(summary.winner->config == configs[0]);
  CHECK(context->plan(small_problem(), {.rigor = Rigor::cached_only}).value().config() == configs[0]);
}

TEST_CASE("a budget in trials is kept, and known trials count") {
  const auto log = std::make_shared<FakeLog>();
  const auto context = context_on(counting_device({}, log));
  SearchOptions options{.rigor = Rigor::patient, .max_trials = 6};
  const SearchSummary first = search(*context, small_problem(), options).value();
  CHECK(first.record.measured == 6);
  CHECK(first.record.compiled == 6);
  CHECK(first.record.candidates > 100);
  CHECK_FALSE(first.record.first.empty());
  options.max_trials = 10;
  const SearchSummary second = search(*context, small_problem(), options).value();
  CHECK(second.reused == 6);
  CHECK(second.record.measured == 10);
}

TEST_CASE("an exhaustive search tells the regret of what was chosen before it, and of what was ranked first") {
  // The fastest of all is what a lesser search does not try.
  const Problem problem = small_problem();
  KernelConfig fastest, chosen;
  FakeScript script;
  script.sample = [&](const KernelConfig& config, int) {
    return plain(config == fastest ? 1e-5 : config == chosen ? 1.2e-5 : 1.25e-5);
  };
  const auto device = make_fake_device(script);
  const std::vector<KernelConfig> configs = ranked_configs(problem, *device);
  chosen = configs[0];
  const auto context = context_on(device);
  const SearchOptions few{.rigor = Rigor::measure, .max_trials = 6};
  CHECK_FALSE(search(*context, problem, few).value().regret);
  for (const KernelConfig& config : configs) {
    const std::vector<Trial> tried = trials_of(*context, problem);
    if (std::none_of(tried.begin(), tried.end(), [&](const Trial& trial) { return trial.config == config; })) {
      fastest = config;
    }
  }
  const SearchSummary summary = search(*context, problem, {.rigor = Rigor::exhaustive}).value();
  CHECK(summary.winner->config == fastest);
  REQUIRE(summary.regret);
  CHECK(*summary.regret == doctest::Approx(0.2));
  REQUIRE(summary.regret_of_first);
  CHECK(*summary.regret_of_first == doctest::Approx(0.2));
  // Once all is known there is nothing left to regret; what was ranked first stays what it was.
  const SearchSummary again = search(*context, problem, {.rigor = Rigor::exhaustive}).value();
  CHECK(*again.regret == doctest::Approx(0));
  CHECK(*again.regret_of_first == doctest::Approx(0.2));
}

}  // namespace fftconv
