#include "fftconv/search.h"

#include <doctest/doctest.h>

#include <map>

#include "fake_bench.h"
#include "fftconv/search_space.h"
#include "near.h"

namespace fftconv {
namespace {

SearchSummary searched(Context& context, const Problem& problem, const SearchOptions& options = {}) {
  const Result<SearchSummary> summary = search(context, problem, options);
  REQUIRE_MESSAGE(summary, summary.error().message);
  return *summary;
}

/// A fake device on which each candidate takes `seconds_of` it, and a clock that only samples move.
struct Bench {
  explicit Bench(std::function<double(const KernelConfig&)> seconds_of, FakeScript script = {})
      : log(std::make_shared<FakeLog>()), now(std::make_shared<double>(0)) {
    script.sample = [seconds_of, now = now](const KernelConfig& config, int) {
      const double seconds = seconds_of(config);
      *now += seconds;
      return Sample{.seconds = seconds, .clock_hz = 1.7e9};
    };
    device = counting_device(std::move(script), log);
    configs = ranked_configs(small_problem(), *device);
  }
  SearchOptions options(Rigor rigor = Rigor::measure) const {
    return {.rigor = rigor, .clock = [now = now] { return *now; }};
  }

  std::shared_ptr<FakeLog> log;
  std::shared_ptr<double> now;
  std::shared_ptr<Device> device;
  std::vector<KernelConfig> configs;
};

Trial find(const std::vector<Trial>& trials, const KernelConfig& config) {
  for (const Trial& trial : trials) {
    if (trial.config == config) return trial;
  }
  FAIL("no trial of " << to_string(config));
  return {};
}

}  // namespace

TEST_CASE("the winner is the scripted fastest, and every candidate has a trial") {
  KernelConfig fastest;
  Bench bench([&](const KernelConfig& config) { return config == fastest ? 1e-5 : 1.1e-5; });
  fastest = bench.configs[6];
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  REQUIRE(summary.winner);
  CHECK(summary.winner->config == fastest);
  CHECK(test::near(summary.winner->measurement.median, 1e-5));
  CHECK(summary.winner->measurement.clock_hz == 1.7e9);
  CHECK(summary.winner->measurement.error > 0);
  CHECK(summary.winner->measurement.error <= error_budget(small_problem()));
  CHECK(summary.record.complete);
  CHECK(summary.floor_s > 0);
  CHECK(summary.predicted_s > 0);
  const auto trials = trials_of(*context, small_problem());
  CHECK(static_cast<int>(trials.size()) == summary.record.measured);
  CHECK(trials.size() >= 8);
  CHECK(trials.front().config == fastest);
}

TEST_CASE("the plain default is always among the candidates") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options());
  const Result<KernelConfig> plain = default_config(small_problem(), bench.device->facts());
  REQUIRE(plain);
  REQUIRE(summary.plain_default);
  CHECK(summary.plain_default->config == *plain);
}

TEST_CASE("a tie goes to an incumbent that was measured before, now and when the database is asked later") {
  KernelConfig challenger;
  Bench bench([&](const KernelConfig& config) { return config == challenger ? 0.99e-5 : 1e-5; });
  challenger = bench.configs[4];
  const auto context = context_on(bench.device);
  SearchOptions few = bench.options(Rigor::measure);
  few.max_trials = 2;
  const SearchSummary before = searched(*context, small_problem(), few);
  REQUIRE(before.winner);
  const KernelConfig incumbent = before.winner->config;
  REQUIRE(incumbent != challenger);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  REQUIRE(summary.winner);
  CHECK(summary.winner->config == incumbent);
  const Trial lost = find(trials_of(*context, small_problem()), challenger);
  CHECK(lost.measurement.status == TrialStatus::dropped);
  CHECK(lost.measurement.reason.find("incumbent") != std::string::npos);
  const Result<Plan> plan = context->plan(small_problem());
  REQUIRE(plan);
  CHECK(plan->config() == incumbent);
}

TEST_CASE("what was only ranked first has no claim to a tie: the fastest wins, and the tie is told") {
  KernelConfig challenger;
  Bench bench([&](const KernelConfig& config) { return config == challenger ? 0.99e-5 : 1e-5; });
  challenger = bench.configs[4];
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  REQUIRE(summary.winner);
  CHECK(summary.winner->config == challenger);
  CHECK(summary.tie);
}

TEST_CASE("a challenger that is faster by more than a tie replaces the incumbent") {
  KernelConfig challenger;
  Bench bench([&](const KernelConfig& config) { return config == challenger ? 0.97e-5 : 1e-5; });
  challenger = bench.configs[4];
  const auto context = context_on(bench.device);
  CHECK(searched(*context, small_problem(), bench.options(Rigor::exhaustive)).winner->config == challenger);
}

TEST_CASE("finalists within twenty per cent are measured again, others are not") {
  std::map<std::string, double> seconds;
  Bench bench([&](const KernelConfig& config) {
    const auto found = seconds.find(to_string(config));
    return found == seconds.end() ? 1.22e-5 : found->second;
  });
  seconds[to_string(bench.configs[1])] = 1.00e-5;
  seconds[to_string(bench.configs[2])] = 1.18e-5;
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  CHECK(summary.winner->config == bench.configs[1]);
  CHECK(bench.log->samples_of(bench.configs[1]) > bench.log->samples_of(bench.configs[3]));
  CHECK(bench.log->samples_of(bench.configs[2]) > bench.log->samples_of(bench.configs[3]));
}

TEST_CASE("a slow candidate leaves after three samples, and that is what its trial says") {
  KernelConfig slow;
  Bench bench([&](const KernelConfig& config) { return config == slow ? 1e-3 : 1e-5; });
  slow = bench.configs[3];
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  CHECK(summary.dropped >= 1);
  CHECK(bench.log->samples_of(slow) == 3);
  CHECK(find(trials_of(*context, small_problem()), slow).measurement.status == TrialStatus::dropped);
}

TEST_CASE("a wrong result is recorded and never chosen, however fast") {
  KernelConfig wrong;
  FakeScript script;
  script.distort = [&](const KernelConfig& config, double exact) { return config == wrong ? exact * 1.1 : exact; };
  Bench bench([&](const KernelConfig& config) { return config == wrong ? 1e-9 : 1e-5; }, script);
  wrong = bench.configs[0];
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options());
  REQUIRE(summary.winner);
  CHECK(summary.winner->config != wrong);
  CHECK(summary.failed == 1);
  CHECK(bench.log->samples_of(wrong) == 0);
  const Trial trial = find(trials_of(*context, small_problem()), wrong);
  CHECK(trial.measurement.status == TrialStatus::wrong_result);
  CHECK(trial.measurement.error == doctest::Approx(0.1).epsilon(0.05));
  CHECK(trial.measurement.reason.find("above the budget") != std::string::npos);
  const Result<Plan> plan = context->plan(small_problem());
  REQUIRE(plan);
  CHECK(plan->config() != wrong);
}

TEST_CASE("compile and launch failures are recorded with their reasons") {
  KernelConfig broken;
  KernelConfig crashing;
  FakeScript script;
  script.compile = [&](const KernelConfig& config) -> Result<void> {
    if (config == broken) return Error{ErrorCode::compile_failed, "ran out of registers"};
    return {};
  };
  script.launch = [&](const KernelConfig& config) -> Result<void> {
    if (config == crashing) return Error{ErrorCode::launch_failed, "illegal address"};
    return {};
  };
  Bench bench([](const KernelConfig&) { return 1e-5; }, script);
  broken = bench.configs[1];
  crashing = bench.configs[2];
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  CHECK(summary.failed == 2);
  CHECK(summary.record.complete);
  const auto trials = trials_of(*context, small_problem());
  CHECK(find(trials, broken).measurement.status == TrialStatus::compile_failed);
  CHECK(find(trials, broken).measurement.reason == "ran out of registers");
  CHECK(find(trials, crashing).measurement.status == TrialStatus::launch_failed);
  CHECK(find(trials, crashing).measurement.reason == "illegal address");
}

TEST_CASE("where every candidate fails there is no winner, and a plan is an error") {
  FakeScript script;
  script.distort = [](const KernelConfig&, double) { return 0.0; };
  Bench bench([](const KernelConfig&) { return 1e-5; }, script);
  const auto context = context_on(bench.device);
  const SearchSummary summary = searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  CHECK(!summary.winner);
  CHECK(summary.failed == static_cast<int>(trials_of(*context, small_problem()).size()));
  CHECK(!context->plan(small_problem()));
}

TEST_CASE("throttled samples are not counted as time, and the summary tells how many there were") {
  const auto log = std::make_shared<FakeLog>();
  FakeScript script;
  script.sample = [](const KernelConfig&, int call) {
    return call % 3 == 1 ? Sample{.seconds = 1, .throttled = true} : Sample{.seconds = 1e-5};
  };
  const auto context = context_on(counting_device(script, log));
  const SearchSummary summary = searched(*context, small_problem());
  CHECK(summary.throttled > 0);
  for (const Trial& trial : trials_of(*context, small_problem())) {
    CHECK(test::near(trial.measurement.median, 1e-5));
  }
}

TEST_CASE("the budget is kept, what was measured is stored, and the search is not called complete") {
  Bench bench([](const KernelConfig&) { return 1.0; });
  const auto context = context_on(bench.device);
  SearchOptions options = bench.options(Rigor::patient);
  options.budget_s = 20;
  const SearchSummary summary = searched(*context, small_problem(), options);
  CHECK(bench.log->samples.load() == 20);
  CHECK(summary.winner);
  CHECK(!summary.record.complete);
  CHECK(summary.record.measured < summary.record.candidates);
}

TEST_CASE("a second search repeats nothing") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  TemporaryDirectory directory;
  SearchSummary first;
  {
    const auto context = context_on(bench.device, directory.path());
    first = searched(*context, small_problem(), bench.options());
  }
  const int samples = bench.log->samples;
  const int compiles = bench.log->compiles;
  const auto context = context_on(bench.device, directory.path());
  const SearchSummary second = searched(*context, small_problem(), bench.options());
  CHECK(bench.log->samples == samples);
  CHECK(bench.log->compiles == compiles);
  CHECK(second.reused == first.record.measured);
  REQUIRE(second.winner);
  CHECK(second.winner->config == first.winner->config);
  CHECK(second.record.complete);
}

TEST_CASE("an interrupted search goes on where it stopped") {
  std::map<std::string, double> seconds;  // all different, so that there are no ties
  Bench bench([&](const KernelConfig& config) { return seconds.at(to_string(config)); });
  for (const KernelConfig& config : bench.configs) {
    seconds[to_string(config)] = 1e-5 * (1 + 1e-3 * static_cast<double>(seconds.size()));
  }
  TemporaryDirectory directory;
  {
    const auto context = context_on(bench.device, directory.path());
    SearchOptions options = bench.options(Rigor::exhaustive);
    bool stop = false;
    options.progress = [&](const SearchProgress& progress) { stop = progress.done >= 8; };
    options.cancelled = [&] { return stop; };
    CHECK(!searched(*context, small_problem(), options).record.complete);
  }
  std::map<std::string, int> before;
  const auto context = context_on(bench.device, directory.path());
  const auto known = trials_of(*context, small_problem());
  CHECK(known.size() >= 8);
  for (const Trial& trial : known) before[to_string(trial.config)] = bench.log->samples_of(trial.config);
  SearchOptions options = bench.options(Rigor::exhaustive);
  options.policy.tie = 0;  // no finals: whoever is sampled is sampled by the race
  const SearchSummary summary = searched(*context, small_problem(), options);
  CHECK(summary.reused == static_cast<int>(known.size()));
  CHECK(summary.record.complete);
  int again = 0;
  for (const Trial& trial : known) again += bench.log->samples_of(trial.config) != before[to_string(trial.config)];
  CHECK(again <= 1);  // the best so far runs along, as the measure of the others
}

TEST_CASE("more rigor looks at more candidates") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  const auto context = context_on(bench.device);
  const int few = searched(*context, small_problem(), bench.options()).record.measured;
  const int all = searched(*context, small_problem(), bench.options(Rigor::exhaustive)).record.measured;
  CHECK(few < all);
  CHECK(all >= static_cast<int>(bench.configs.size()));
}

TEST_CASE("progress counts every candidate once and ends at the total") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  const auto context = context_on(bench.device);
  SearchOptions options = bench.options();
  std::vector<int> done;
  int total = 0;
  options.progress = [&](const SearchProgress& progress) {
    done.push_back(progress.done);
    total = progress.total;
    CHECK(progress.last != nullptr);
  };
  searched(*context, small_problem(), options);
  REQUIRE(done.size() == static_cast<std::size_t>(total));
  for (std::size_t i = 0; i < done.size(); ++i) CHECK(done[i] == static_cast<int>(i) + 1);
}

TEST_CASE("only wanted candidates are tried beside the plain default, one of them wins, and it is never complete") {
  KernelConfig plain;
  Bench bench([&](const KernelConfig& config) { return config == plain ? 1e-6 : 1e-5; });
  plain = *default_config(small_problem(), bench.device->facts());
  const auto context = context_on(bench.device);
  SearchOptions options = bench.options(Rigor::exhaustive);
  const auto wanted = [&](const KernelConfig& config) {
    return config.radices.size() == bench.configs[0].radices.size() && config != plain;
  };
  options.wanted = wanted;
  const SearchSummary summary = searched(*context, small_problem(), options);
  CHECK(!summary.record.complete);
  REQUIRE(summary.winner);
  CHECK(wanted(summary.winner->config));
  REQUIRE(summary.plain_default);
  CHECK(test::near(summary.plain_default->measurement.median, 1e-6));
  for (const Trial& trial : trials_of(*context, small_problem())) {
    CHECK((wanted(trial.config) || trial.config == plain));
  }
}

TEST_CASE("a lesser search does not make a thorough one forgotten") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  const auto context = context_on(bench.device);
  searched(*context, small_problem(), bench.options(Rigor::exhaustive));
  searched(*context, small_problem(), bench.options(Rigor::measure));
  std::optional<SearchRecord> record;
  context->with_database(
      [&](TuningDb& database) { record = database.find_search(context->environment(), small_problem()); });
  REQUIRE(record);
  CHECK(record->rigor == "exhaustive");
  CHECK(record->complete);
}

TEST_CASE("hot times are kept apart from cold ones") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  const auto context = context_on(bench.device);
  SearchOptions options = bench.options();
  options.policy.cold = false;
  const SearchSummary summary = searched(*context, small_problem(), options);
  CHECK(summary.winner->environment.policy == "hot");
  CHECK(trials_of(*context, small_problem()).empty());
}

TEST_CASE("a rigor that does not measure and a device that cannot are refused") {
  Bench bench([](const KernelConfig&) { return 1e-5; });
  const auto context = context_on(bench.device);
  const Result<SearchSummary> lazy = search(*context, small_problem(), {.rigor = Rigor::estimate});
  REQUIRE(!lazy);
  CHECK(lazy.error().code == ErrorCode::invalid_argument);

  FakeScript script;
  script.facts = *facts_of_arch("sm_90a");
  script.facts.kind = DeviceKind::sim;
  const auto simulated = context_on(make_fake_device(script));
  const Result<SearchSummary> refused = search(*simulated, small_problem());
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::unsupported);
}

TEST_CASE("a longer list of candidates has only the new ones measured") {
  const auto log = std::make_shared<FakeLog>();
  const auto device = counting_device({}, log);
  const auto context = context_on(device);
  const std::vector<KernelConfig> all = ranked_configs(small_problem(), *device);
  const std::vector<KernelConfig> added(all.end() - 5, all.end());
  SearchOptions before{.rigor = Rigor::exhaustive};
  before.wanted = [&](const KernelConfig& config) {
    return std::find(added.begin(), added.end(), config) == added.end();
  };
  REQUIRE(search(*context, small_problem(), before));
  const int compiled = log->compiles;
  const SearchSummary after = search(*context, small_problem(), {.rigor = Rigor::exhaustive}).value();
  CHECK(log->compiles == compiled + 5);
  CHECK(after.reused == static_cast<int>(all.size()) - 5);
  CHECK(after.record.measured == static_cast<int>(all.size()));
  for (const KernelConfig& config : added) CHECK(log->samples_of(config) > 0);
}

}  // namespace fftconv
