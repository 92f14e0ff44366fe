// The search on a device whose time is real.
#include <doctest/doctest.h>

#include "fake_bench.h"
#include "fftconv/search.h"

namespace fftconv {

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
    // Medians of what was measured one after the other while other tests run; the search itself compares rounds.
    CHECK(summary->winner->measurement.median <= 1.25 * summary->plain_default->measurement.median);
  }
  const auto context = context_on(*device, directory.path());
  const Result<Plan> plan = context->plan(problem, {.rigor = Rigor::cached_only});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK(plan->provenance() == Provenance::exact);
  CHECK(plan->kernel().from_cache);
}

}  // namespace fftconv
