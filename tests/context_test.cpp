#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "fake_bench.h"
#include "fftconv/search_space.h"
#include "thinned.h"

namespace fftconv {
namespace {

Plan planned(Context& context, const Problem& problem, const PlanOptions& options = {}) {
  const Result<Plan> plan = context.plan(problem, options);
  REQUIRE_MESSAGE(plan, plan.error().message);
  return *plan;
}

}  // namespace

TEST_CASE("without any measurement the cost model chooses, and the plan says so") {
  const auto log = std::make_shared<FakeLog>();
  const auto device = counting_device({}, log);
  const auto context = context_on(device);
  const Plan plan = planned(*context, small_problem());
  CHECK(plan.provenance() == Provenance::cost_model);
  CHECK(plan.config() == ranked_configs(small_problem(), *device).front());
  CHECK(plan.explain().find("cost_model") != std::string::npos);
  CHECK(plan.explain().find("measured unknown") != std::string::npos);
  CHECK(log->compiles == 1);
  CHECK(log->samples == 0);
}

TEST_CASE("a measurement of this problem here is taken as exact, even where the model ranks it last") {
  const auto device = make_fake_device({});
  const auto context = context_on(device);
  const auto configs = ranked_configs(small_problem(), *device);
  put(*context, trial_of(*context, small_problem(), configs.front(), 3e-6));
  put(*context, trial_of(*context, small_problem(), configs.back(), 2e-6));
  const Plan plan = planned(*context, small_problem());
  CHECK(plan.provenance() == Provenance::exact);
  CHECK(plan.config() == configs.back());
  CHECK(plan.explain().find("measured 2 us") != std::string::npos);
}

TEST_CASE("a measurement under another driver is taken where there is none under this one") {
  const auto device = make_fake_device({});
  const auto context = context_on(device);
  Trial trial = trial_of(*context, small_problem(), ranked_configs(small_problem(), *device)[4], 2e-6);
  trial.environment.driver = "an older driver";
  put(*context, trial);
  const Plan plan = planned(*context, small_problem());
  CHECK(plan.provenance() == Provenance::other_toolchain);
  CHECK(plan.config() == trial.config);
}

TEST_CASE("the nearest size lends its config, adapted to a legal one") {
  const auto device = make_fake_device({});
  const auto context = context_on(device);
  const Problem measured = small_problem(512);
  const Problem wanted = small_problem(4096);
  const Trial trial = trial_of(*context, measured, ranked_configs(measured, *device).front(), 2e-6);
  put(*context, trial);
  const Plan plan = planned(*context, wanted);
  CHECK(plan.provenance() == Provenance::nearest_size);
  CHECK(check_legal(wanted, plan.config(), device->facts()));
  CHECK(plan.config().strategy == trial.config.strategy);
  CHECK(plan.config().engine == trial.config.engine);
  CHECK(plan.explain().find("measured unknown") != std::string::npos);
}

TEST_CASE("another device of the same architecture lends its config") {
  const auto device = make_fake_device({});
  const auto context = context_on(device);
  Trial trial = trial_of(*context, small_problem(), ranked_configs(small_problem(), *device)[2], 2e-6);
  trial.environment.device = "another part";
  put(*context, trial);
  const Plan plan = planned(*context, small_problem());
  CHECK(plan.provenance() == Provenance::same_arch);
  CHECK(plan.config() == trial.config);
}

TEST_CASE("where only the plain default compiles it is taken, and the plan tells of the others") {
  const auto reference = make_fake_device({});
  // The problem whose plain default the model ranks lowest.
  Problem problem;
  KernelConfig plain;
  std::ptrdiff_t place = -1;
  for (std::int64_t seqlen : {256, 512, 1000, 1024, 2048, 4096}) {
    const Problem candidate = small_problem(seqlen);
    const Result<KernelConfig> chosen = default_config(candidate, reference->facts());
    REQUIRE(chosen);
    const auto configs = ranked_configs(candidate, *reference);
    const std::ptrdiff_t ranked = std::find(configs.begin(), configs.end(), *chosen) - configs.begin();
    if (ranked <= place) continue;
    problem = candidate;
    plain = *chosen;
    place = ranked;
  }
  CAPTURE(place);
  REQUIRE(place > 0);  // else nothing has to fail
  FakeScript script;
  script.compile = [&](const KernelConfig& config) -> Result<void> {
    if (config == plain) return {};
    return Error{ErrorCode::compile_failed, "ptxas was not in the mood"};
  };
  const auto context = context_on(make_fake_device(script));
  const Plan plan = planned(*context, problem);
  CHECK(plan.config() == plain);
  // Eight failures are enough of the model's advice; within the first eight it is the model that names the default.
  MESSAGE("the plain default has place " << place + 1 << " by the model");
  CHECK(plan.provenance() == (place < 8 ? Provenance::cost_model : Provenance::plain_default));
  CHECK(plan.explain().find("passed over") != std::string::npos);
  CHECK(plan.explain().find("ptxas was not in the mood") != std::string::npos);
}

TEST_CASE("a candidate that does not compile is recorded with its reason, and the next best is taken") {
  const auto log = std::make_shared<FakeLog>();
  std::string broken;
  FakeScript script;
  script.compile = [&](const KernelConfig& config) -> Result<void> {
    if (to_string(config) == broken) return Error{ErrorCode::compile_failed, "too many registers"};
    return {};
  };
  const auto device = counting_device(script, log);
  const auto configs = ranked_configs(small_problem(), *device);
  broken = to_string(configs[0]);
  TemporaryDirectory directory;
  {
    const auto context = context_on(device, directory.path());
    const Plan plan = planned(*context, small_problem());
    CHECK(plan.config() == configs[1]);
    CHECK(plan.provenance() == Provenance::cost_model);
    CHECK(plan.explain().find("too many registers") != std::string::npos);
    const auto trials = trials_of(*context, small_problem());
    REQUIRE(trials.size() == 1);
    CHECK(trials[0].config == configs[0]);
    CHECK(trials[0].measurement.status == TrialStatus::compile_failed);
    CHECK(trials[0].measurement.reason == "too many registers");
    CHECK(log->compiles == 2);
  }
  const auto context = context_on(device, directory.path());
  const Plan plan = planned(*context, small_problem());
  CHECK(plan.config() == configs[1]);
  CHECK(log->compiles == 2);  // the failure is remembered: not tried again
  CHECK(plan.explain().find("failed here before") != std::string::npos);
}

TEST_CASE("where nothing compiles the error tells why") {
  FakeScript script;
  script.compile = [](const KernelConfig&) -> Result<void> {
    return Error{ErrorCode::compile_failed, "no compiler today"};
  };
  const auto context = context_on(make_fake_device(script));
  const Result<Plan> plan = context->plan(small_problem());
  REQUIRE(!plan);
  CHECK(plan.error().code == ErrorCode::compile_failed);
  CHECK(plan.error().message.find("no compiler today") != std::string::npos);
}

TEST_CASE("a second context on the same directory compiles nothing") {
  const auto log = std::make_shared<FakeLog>();
  const auto device = counting_device({}, log);
  TemporaryDirectory directory;
  {
    const auto context = context_on(device, directory.path());
    CHECK(!planned(*context, small_problem()).kernel().from_cache);
  }
  REQUIRE(log->compiles == 1);
  const auto context = context_on(device, directory.path());
  const Plan plan = planned(*context, small_problem());
  CHECK(log->compiles == 1);
  CHECK(plan.kernel().from_cache);
  CHECK(plan.explain().find("from the cache") != std::string::npos);
}

TEST_CASE("cached_only neither compiles nor measures, and fails where no binary is cached") {
  const auto log = std::make_shared<FakeLog>();
  const auto device = counting_device({}, log);
  TemporaryDirectory directory;
  const auto context = context_on(device, directory.path());
  const Result<Plan> missing = context->plan(small_problem(), {.rigor = Rigor::cached_only});
  REQUIRE(!missing);
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK(log->compiles == 0);
  CHECK(trials_of(*context, small_problem()).empty());

  planned(*context, small_problem());
  REQUIRE(log->compiles == 1);
  const auto next = context_on(device, directory.path());
  const Plan plan = planned(*next, small_problem(), {.rigor = Rigor::cached_only});
  CHECK(plan.kernel().from_cache);
  CHECK(log->compiles == 1);
  CHECK(log->samples == 0);
}

TEST_CASE("a plan in memory is the same plan and costs under a microsecond") {
  const auto log = std::make_shared<FakeLog>();
  const auto context = context_on(counting_device({}, log));
  const Plan first = planned(*context, small_problem());
  constexpr int kCalls = 100'000;
  const Problem problem = small_problem();
  bool same = true;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) same &= &context->plan(problem)->source() == &first.source();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  MESSAGE("a plan in memory costs " << taken.count() / kCalls * 1e9 << " ns");
  CHECK(same);
  CHECK(log->compiles == 1);
  constexpr double kMost = test::kSanitized ? 20e-6 : 1e-6;  // seconds; the sanitizers' share is most of it
  CHECK(taken.count() / kCalls < kMost);
}

TEST_CASE("eight threads that ask for one problem at once get one plan, compiled once") {
  const auto log = std::make_shared<FakeLog>();
  FakeScript script;
  script.compile = [](const KernelConfig&) -> Result<void> {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return {};
  };
  const auto context = context_on(counting_device(script, log));
  std::vector<const KernelSource*> sources(8);
  {
    std::vector<std::jthread> threads;
    for (auto& source : sources) {
      threads.emplace_back([&] {
        if (const Result<Plan> plan = context->plan(small_problem())) source = &plan->source();
      });
    }
  }
  CHECK(log->compiles == 1);
  for (const KernelSource* source : sources) CHECK(source == sources[0]);
  CHECK(sources[0] != nullptr);
}

TEST_CASE("eight threads that name one config at once compile it once") {
  const auto log = std::make_shared<FakeLog>();
  FakeScript script;
  script.compile = [](const KernelConfig&) -> Result<void> {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return {};
  };
  const auto device = counting_device(script, log);
  const auto context = context_on(device);
  const KernelConfig config = ranked_configs(small_problem(), *device)[3];
  std::atomic<int> made{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { made += context->plan_config(small_problem(), config).ok(); });
    }
  }
  CHECK(made == 8);
  CHECK(log->compiles == 1);
}

TEST_CASE("problems whose kernels have one text share one binary, each with its own grid and sizes") {
  const auto log = std::make_shared<FakeLog>();
  const auto device = counting_device({}, log);
  const auto context = context_on(device);
  Problem larger = small_problem();
  larger.batch = 64;
  larger.channels = 96;
  const KernelConfig config = ranked_configs(small_problem(), *device)[0];
  const Result<Plan> one = context->plan_config(small_problem(), config);
  const Result<Plan> two = context->plan_config(larger, config);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->problem() == small_problem());
  CHECK(two->problem() == larger);
  CHECK(two->source().spectrum_bytes == emit(larger, config, device->facts())->spectrum_bytes);
  CHECK(two->source().convolution == emit(larger, config, device->facts())->convolution);
  CHECK(log->compiles == (one->source().digest == two->source().digest ? 1 : 2));
}

TEST_CASE("plan_config takes what it is told and refuses what is illegal") {
  const auto device = make_fake_device({});
  const auto context = context_on(device);
  const KernelConfig wanted = ranked_configs(small_problem(), *device).back();
  const Result<Plan> plan = context->plan_config(small_problem(), wanted);
  REQUIRE(plan);
  CHECK(plan->config() == wanted);
  KernelConfig too_short = wanted;
  too_short.radices = {16};
  CHECK(!context->plan_config(small_problem(4096), too_short));
}

TEST_CASE("measure races candidates and takes the fastest; the next process takes it without measuring") {
  const auto log = std::make_shared<FakeLog>();
  std::string fastest;
  FakeScript script;
  script.sample = [&](const KernelConfig& config, int) {
    return Sample{.seconds = to_string(config) == fastest ? 1e-5 : 2e-5};
  };
  const auto device = counting_device(script, log);
  const auto configs = ranked_configs(small_problem(), *device);
  fastest = to_string(configs[1]);  // the model proposes it after its first choice
  TemporaryDirectory directory;
  {
    const auto context = context_on(device, directory.path());
    const Plan plan = planned(*context, small_problem(), {.rigor = Rigor::measure});
    CHECK(to_string(plan.config()) == fastest);
    CHECK(plan.provenance() == Provenance::exact);
    CHECK(plan.explain().find("measured 10 us") != std::string::npos);
    // The plan in memory serves less rigor, too.
    CHECK(to_string(planned(*context, small_problem()).config()) == fastest);
  }
  const int samples = log->samples;
  const int compiles = log->compiles;
  const auto context = context_on(device, directory.path());
  for (Rigor rigor : {Rigor::estimate, Rigor::measure}) {
    CHECK(to_string(planned(*context, small_problem(), {.rigor = rigor}).config()) == fastest);
  }
  CHECK(log->samples == samples);
  CHECK(log->compiles == compiles);
}

TEST_CASE("a problem that is not valid is refused before anything is done") {
  const auto log = std::make_shared<FakeLog>();
  const auto context = context_on(counting_device({}, log));
  const Result<Plan> plan = context->plan(small_problem(0));
  REQUIRE(!plan);
  CHECK(plan.error().code == ErrorCode::invalid_argument);
  CHECK(log->compiles == 0);
}

TEST_CASE("no device, no context") {
  const auto context = Context::create(nullptr);
  REQUIRE(!context);
  CHECK(context.error().code == ErrorCode::invalid_argument);
}

}  // namespace fftconv
