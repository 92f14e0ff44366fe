// The search on a device whose time is real.
#include <doctest/doctest.h>

#include "fake_bench.h"
#include "fftconv/search.h"
#include "search/quiet_race.h"

namespace fftconv {
namespace {

/// Medians of the quietest of many races, over seconds: other tests run meanwhile, and slow the two down unlike.
std::pair<double, double> timed_together(Context& context, const Problem& problem, const KernelConfig& first,
                                         const KernelConfig& second) {
  MeasurePolicy policy;
  policy.min_samples = policy.max_samples = 40;
  policy.drop_after = policy.max_samples + 1;
  const auto runner = make_runner(context, problem, policy).value();
  std::vector<Racer> racers;
  for (const KernelConfig& config : {first, second}) racers.push_back({config, runner->prepare(config).value()});
  if (first == second) return {1, 1};
  const Clock clock = monotonic_clock();
  const RaceRules rules{.runner = *runner, .policy = policy, .clock = clock, .deadline = clock() + 30};
  const FinalRules longer{
      .rounds = 40, .most = 100, .seconds = 8, .busy = [](const std::vector<Racer>&) { return true; }};
  const FinalTimes times = race_finals(rules, longer, racers);
  REQUIRE(times.racers.size() == 2);
  return {times.racers[0].measurement.median, times.racers[1].measurement.median};
}

}  // namespace

TEST_CASE("on the CPU a search finds a winner that is right and not slower than the plain default") {
  const Result<std::shared_ptr<Device>> device = open_cpu_device();
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  Problem problem = small_problem(1000);
  problem.io = DataType::f32;
  problem.precision = Precision::f32;
  problem.channels = 16;
  TemporaryDirectory directory;
  {
    const auto context = context_on(*device, directory.path());
    const Result<SearchSummary> summary = search(*context, problem, {.rigor = Rigor::measure, .budget_s = 20});
    REQUIRE_MESSAGE(summary, summary.error().message);
    for (const Trial& trial : trials_of(*context, problem)) {
      INFO(to_string(trial.config) << " " << to_string(trial.measurement.status) << " " << trial.measurement.reason);
      CHECK((trial.measurement.status == TrialStatus::measured || trial.measurement.status == TrialStatus::dropped));
    }
    REQUIRE(summary->winner);
    CHECK(summary->winner->measurement.error > 0);
    CHECK(summary->winner->measurement.error <= error_budget(problem));
    CHECK(summary->winner->measurement.median > 0);
    REQUIRE(summary->plain_default);
    // In rounds of both, since other tests run meanwhile: what the search stored may be from different moments.
    const auto [winner, plain] =
        timed_together(*context, problem, summary->winner->config, summary->plain_default->config);
    CHECK(winner <= 1.1 * plain);
  }
  const auto context = context_on(*device, directory.path());
  const Result<Plan> plan = context->plan(problem, {.rigor = Rigor::cached_only});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK(plan->provenance() == Provenance::exact);
  CHECK(plan->kernel().from_cache);
}

}  // namespace fftconv
