#include "fftconv/c_api.h"

#include <doctest/doctest.h>

#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "c_handles.h"
#include "fake_bench.h"
#include "fakes/planted.h"
#include "fftconv/problem.h"
#include "fftconv/reference.h"
#include "fftconv/search_space.h"

namespace {

constexpr double kLong = 60;  // s, for what is over in milliseconds

struct Closer {
  void operator()(fftconv_context* context) const { fftconv_close(context); }
  void operator()(fftconv_plan* plan) const { fftconv_free_plan(plan); }
};
using ContextHandle = std::unique_ptr<fftconv_context, Closer>;
using PlanHandle = std::unique_ptr<fftconv_plan, Closer>;

/// The CPU device; null where this build has no LLVM component.
ContextHandle open_cpu() {
  fftconv_context* context = nullptr;
  const fftconv_status status = fftconv_open("cpu", &context);
  if (status == FFTCONV_DEPENDENCY_MISSING) {
    MESSAGE("skipped: " << fftconv_last_error());
  } else {
    REQUIRE_MESSAGE(status == FFTCONV_OK, fftconv_last_error());
  }
  return ContextHandle(context);
}

std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

/// Compilations of everything but the plain default end once it is opened.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_open = false;

  void open() {
    const std::lock_guard lock(mutex);
    is_open = true;
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return is_open; });
  }
};

/// A context as fftconv_open() makes it, but on a device whose better kernels wait at `gate`.
ContextHandle open_gated(const std::shared_ptr<Gate>& gate) {
  const auto plain = fftconv::default_config(fftconv::small_problem(), fftconv::make_fake_device({})->facts());
  fftconv::FakeScript script;
  script.compile = [gate, plain = *plain](const fftconv::KernelConfig& config) -> fftconv::Result<void> {
    if (!(config == plain)) gate->wait();
    return {};
  };
  const auto device = fftconv::make_fake_device(std::move(script));
  return ContextHandle(new fftconv_context{device, fftconv::context_on(device)});
}

PlanHandle make_async(const ContextHandle& context, const std::string& problem, const char* rigor = nullptr) {
  fftconv_plan* plan = nullptr;
  REQUIRE_MESSAGE(fftconv_make_plan_async(context.get(), problem.c_str(), rigor, 1, &plan) == FFTCONV_OK,
                  fftconv_last_error());
  return PlanHandle(plan);
}

/// fftconv_wait() where it is not expected to fail.
fftconv_progress progress_of(const PlanHandle& plan, double seconds) {
  fftconv_progress progress = FFTCONV_FAILED;
  CHECK_MESSAGE(fftconv_wait(plan.get(), seconds, &progress) == FFTCONV_OK, fftconv_last_error());
  return progress;
}

/// Rows of fftconv::small_problem(), all ones, and a filter of small fractions.
struct HalfRows {
  std::vector<float> taps = std::vector<float>(3 * 256);
  std::vector<std::uint16_t> u = std::vector<std::uint16_t>(6 * 256, 0x3c00), y = std::vector<std::uint16_t>(6 * 256);

  HalfRows() {
    for (std::size_t i = 0; i < taps.size(); ++i) taps[i] = static_cast<float>(i * 7 % 5) / 64;
  }
  std::vector<std::uint16_t> convolved(const PlanHandle& plan) {
    y.assign(y.size(), 0);
    const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, nullptr};
    REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());
    return y;
  }
};

bool last_error_has(const char* words) { return std::string(fftconv_last_error()).find(words) != std::string::npos; }

}  // namespace

TEST_CASE("A convolution through the C interface agrees with fp64") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  const char* const text = "causal/L1000/k300/b2/h3/io-f32/f32/forward/skip";
  const fftconv::Problem problem = fftconv::parse_problem(text).value();
  fftconv_plan* made = nullptr;
  REQUIRE_MESSAGE(fftconv_make_plan(context.get(), text, nullptr, 0, &made) == FFTCONV_OK, fftconv_last_error());
  const PlanHandle plan(made);
  CHECK(std::string(fftconv_explain(plan.get())) != "");

  const unsigned seed = 20261124;
  INFO("seed " << seed);
  const auto taps = random_floats(3 * 300, seed), u = random_floats(6 * 1000, seed + 1),
             skip = random_floats(3, seed + 2);
  std::vector<float> y(u.size(), -1.0f);
  REQUIRE_MESSAGE(fftconv_set_filter(plan.get(), taps.data()) == FFTCONV_OK, fftconv_last_error());
  const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, skip.data()};
  REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());

  std::vector<double> expected;
  for (std::size_t row = 0; row < 6; ++row) {
    const std::size_t channel = row % 3;
    const std::vector<double> samples(u.begin() + row * 1000, u.begin() + (row + 1) * 1000);
    const std::vector<double> filter(taps.begin() + channel * 300, taps.begin() + (channel + 1) * 300);
    std::vector<double> out = fftconv::reference_row(problem, samples, filter);
    for (std::size_t n = 0; n < out.size(); ++n) expected.push_back(out[n] + skip[channel] * samples[n]);
  }
  CHECK(fftconv::relative_l2_error(std::vector<double>(y.begin(), y.end()), expected) <=
        fftconv::error_budget(problem));
}

TEST_CASE("Through the C interface, too, convolutions run on the threads of the application") {
  if (!open_cpu()) return;
  struct Pool {
    int runs = 0, tasks = 0;
  } pool;
  fftconv_cpu_options options{};
  options.executor_threads = [](void*) { return 3; };
  options.executor = &pool;
  fftconv_context* opened = nullptr;
  CHECK(fftconv_open_cpu(&options, &opened) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("both functions"));
  options.executor_run = [](void* executor, void (*task)(void*, int), void* context, int count) {
    auto& own = *static_cast<Pool*>(executor);
    ++own.runs;
    own.tasks += count;
    for (int i = 0; i < count; ++i) task(context, i);
  };
  options.threads = 4;
  CHECK(fftconv_open_cpu(&options, &opened) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("4 threads"));
  options.threads = 2;
  REQUIRE_MESSAGE(fftconv_open_cpu(&options, &opened) == FFTCONV_OK, fftconv_last_error());
  const ContextHandle context(opened);
  fftconv_plan* made = nullptr;
  const char* const text = "causal/L40000/k1/b1/h1/io-f32/f32/forward";
  REQUIRE_MESSAGE(fftconv_make_plan(context.get(), text, nullptr, 0, &made) == FFTCONV_OK, fftconv_last_error());
  const PlanHandle plan(made);
  const float tap = 2;
  const auto u = random_floats(40000, 20261128);
  std::vector<float> y(u.size());
  REQUIRE_MESSAGE(fftconv_set_filter(plan.get(), &tap) == FFTCONV_OK, fftconv_last_error());
  pool = {};
  const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, nullptr};
  REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());
  CHECK(pool.runs == 1);
  CHECK(pool.tasks == 2);
  std::vector<double> doubled;
  for (const float sample : u) doubled.push_back(2.0 * sample);
  CHECK(fftconv::relative_l2_error(std::vector<double>(y.begin(), y.end()), doubled) < 1e-6);
}

TEST_CASE("The gradient of the filter through the C interface agrees with fp64 and needs no filter") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  const char* const text = "causal/L200/k50/b2/h1/io-f32/f32/backward_filter";
  const fftconv::Problem problem = fftconv::parse_problem(text).value();
  fftconv_plan* made = nullptr;
  REQUIRE_MESSAGE(fftconv_make_plan(context.get(), text, nullptr, 0, &made) == FFTCONV_OK, fftconv_last_error());
  const PlanHandle plan(made);
  const auto u = random_floats(400, 1), dy = random_floats(400, 2);
  std::vector<float> dk(50, -1.0f);
  fftconv_buffers buffers = {};
  buffers.u = u.data();
  CHECK(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("dk"));
  buffers.dy = dy.data();
  buffers.dk = dk.data();
  REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());
  std::vector<double> expected(50);
  for (std::size_t row = 0; row < 2; ++row) {
    const std::vector<double> a(u.begin() + row * 200, u.begin() + (row + 1) * 200),
        b(dy.begin() + row * 200, dy.begin() + (row + 1) * 200);
    const std::vector<double> share = fftconv::reference_row(problem, a, b);
    for (std::size_t j = 0; j < 50; ++j) expected[j] += share[j];
  }
  CHECK(fftconv::relative_l2_error(std::vector<double>(dk.begin(), dk.end()), expected) <=
        fftconv::error_budget(problem));
  CHECK(fftconv_set_filter(plan.get(), u.data()) == FFTCONV_INVALID_ARGUMENT);
}

TEST_CASE("Blocks through the C interface carry on where the one before ended") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  fftconv_plan* made = nullptr;
  REQUIRE_MESSAGE(fftconv_make_plan(context.get(), "causal/L64/k30/b1/h1/io-f32/f32/forward/carry", nullptr, 0,
                                    &made) == FFTCONV_OK,
                  fftconv_last_error());
  const PlanHandle plan(made);
  const auto taps = random_floats(30, 1), u = random_floats(128, 2);
  REQUIRE(fftconv_set_filter(plan.get(), taps.data()) == FFTCONV_OK);
  std::vector<float> y(128), carry(29);
  fftconv_buffers buffers = {};
  for (std::size_t block = 0; block < 2; ++block) {
    buffers.u = u.data() + 64 * block;
    buffers.y = y.data() + 64 * block;
    buffers.carry_in = block ? carry.data() : nullptr;
    buffers.carry_out = carry.data();
    REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());
  }
  const fftconv::Problem whole = fftconv::parse_problem("causal/L128/k30/b1/h1/io-f32/f32/forward").value();
  const std::vector<double> exact = fftconv::reference_row(whole, std::vector<double>(u.begin(), u.end()),
                                                           std::vector<double>(taps.begin(), taps.end()));
  CHECK(fftconv::relative_l2_error(std::vector<double>(y.begin(), y.end()), exact) <= fftconv::error_budget(whole));
}

TEST_CASE("A context with workers measures in them: one that crashes costs its row, not the application") {
  const char* const text = "causal/L512/k512/b2/h3/io-f32/f32/forward";
  const auto device = fftconv::open_cpu_device();
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  const fftconv::Problem problem = fftconv::parse_problem(text).value();
  const auto plain = fftconv::default_config(problem, (*device)->facts());
  REQUIRE(plain);
  const fftconv::TemporaryDirectory directory;
  const auto plants = directory.path() / "plants";
  std::ofstream(plants) << "exit " << to_string(*plain) << "\n";  // which is always tried
  setenv(fftconv::test::kPlantsVariable, plants.c_str(), 1);
  const std::string cache = (directory.path() / "cache").string();
  fftconv_context_options options = {};
  options.size = sizeof options;
  options.device = "cpu";
  options.cache_directory = cache.c_str();
  options.worker = FFTCONV_PLANTED_WORKER;
  options.run_limit_s = 20;
  options.memory_limit_bytes = std::int64_t{1} << 30;
  fftconv_context* opened = nullptr;
  REQUIRE_MESSAGE(fftconv_open_with(&options, &opened) == FFTCONV_OK, fftconv_last_error());
  const ContextHandle context(opened);
  fftconv_plan* made = nullptr;
  const fftconv_status status = fftconv_make_plan(context.get(), text, "measure", 120, &made);
  unsetenv(fftconv::test::kPlantsVariable);
  REQUIRE_MESSAGE(status == FFTCONV_OK, fftconv_last_error());
  const PlanHandle plan(made);
  CHECK(std::filesystem::exists(directory.path() / "cache" / "tuning.db"));
  int measured = 0;
  for (const fftconv::Trial& trial : fftconv::trials_of(*context->context, problem)) {
    INFO(to_string(trial.config) << ": " << trial.measurement.reason);
    measured += trial.measurement.status == fftconv::TrialStatus::measured;
    CHECK((trial.measurement.status == fftconv::TrialStatus::crashed) == (trial.config == *plain));
  }
  CHECK(measured > 0);
}

TEST_CASE("Options of a context are read by their size, and what makes no sense is refused") {
  const auto opened_with = [](fftconv_context_options& options) {
    fftconv_context* opened = nullptr;
    const fftconv_status status = fftconv_open_with(&options, &opened);
    fftconv_close(opened);
    return status;
  };
  const fftconv::TemporaryDirectory directory;
  const std::string cache = directory.path().string();
  fftconv_context_options options = {};
  options.device = "cpu";
  options.cache_directory = cache.c_str();
  CHECK(opened_with(options) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("size"));

  // A program of before there were workers: what lies behind its size is not looked at.
  options.size = offsetof(fftconv_context_options, worker);
  options.worker = "/nonexistent/worker";
  const bool has_cpu = bool(open_cpu());
  if (has_cpu) {
    CHECK_MESSAGE(opened_with(options) == FFTCONV_OK, fftconv_last_error());
    CHECK(std::filesystem::exists(directory.path() / "tuning.db"));
  }
  options.size = sizeof options;
  CHECK(opened_with(options) == FFTCONV_NOT_FOUND);
  CHECK(last_error_has("FFTCONV_WORKER"));
  options.worker = "";
  CHECK(opened_with(options) == FFTCONV_INVALID_ARGUMENT);
  options.worker = nullptr;
  options.run_limit_s = -1;
  CHECK(opened_with(options) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("limit"));
  options.run_limit_s = 0;

  // A program of a later header.
  struct Later {
    fftconv_context_options known;
    std::int64_t later;
  } later = {options, 0};
  later.known.size = sizeof later;
  if (has_cpu) CHECK_MESSAGE(opened_with(later.known) == FFTCONV_OK, fftconv_last_error());
  later.later = 1;
  CHECK(opened_with(later.known) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("older"));

  fftconv_cpu_options threads = {};
  threads.threads = 2;
  options.cpu = &threads;
  if (has_cpu) {
    fftconv_context* opened = nullptr;
    options.cache_directory = "";  // in memory
    REQUIRE_MESSAGE(fftconv_open_with(&options, &opened) == FFTCONV_OK, fftconv_last_error());
    const ContextHandle context(opened);
    CHECK(context->device->facts().sm_count == 2);
  }
  options.device = "sim";
  CHECK(opened_with(options) == FFTCONV_INVALID_ARGUMENT);
}

TEST_CASE("Every refusal of the C interface has a status and a sentence") {
  fftconv_context* none = nullptr;
  CHECK(fftconv_open("toaster", &none) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("no device 'toaster'"));
  CHECK(none == nullptr);
  CHECK(fftconv_open("cpu", nullptr) == FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_set_filter(nullptr, nullptr) == FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_execute(nullptr, nullptr, nullptr) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("may not be null"));
  fftconv_close(nullptr);
  fftconv_free_plan(nullptr);
}

TEST_CASE("A plan is refused for a problem or a rigor that does not exist, and runs only with a filter") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  fftconv_plan* plan = nullptr;
  CHECK(fftconv_make_plan(context.get(), "causal/L0/k1/b1/h1/io-f32/f32/forward", nullptr, 0, &plan) ==
        FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_make_plan(context.get(), "causal/L64/k8/b1/h1/io-f32/f32/forward", "hasty", 0, &plan) ==
        FFTCONV_INVALID_ARGUMENT);
  CHECK(plan == nullptr);

  REQUIRE_MESSAGE(
      fftconv_make_plan(context.get(), "causal/L64/k8/b1/h1/io-f32/f32/forward", nullptr, 0, &plan) == FFTCONV_OK,
      fftconv_last_error());
  const PlanHandle owner(plan);
  std::vector<float> u(64), y(64);
  const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, nullptr};
  CHECK(fftconv_execute_host(plan, &buffers) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("fftconv_set_filter"));
}

TEST_CASE("An asynchronous plan computes at once and goes over to the better kernel with its filter") {
  const auto gate = std::make_shared<Gate>();
  const ContextHandle context = open_gated(gate);
  const PlanHandle plan = make_async(context, to_string(fftconv::small_problem()));
  CHECK(progress_of(plan, 0) == FFTCONV_WORKING);
  CHECK(progress_of(plan, 0.01) == FFTCONV_WORKING);
  CHECK(progress_of(plan, NAN) == FFTCONV_WORKING);
  const char* const first = fftconv_explain(plan.get());
  const std::string first_words = first;
  CHECK(first_words.find("plain_default") != std::string::npos);

  HalfRows rows;
  const fftconv_buffers buffers = {rows.u.data(), rows.y.data(), nullptr, nullptr, nullptr};
  CHECK(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("fftconv_set_filter"));
  REQUIRE_MESSAGE(fftconv_set_filter(plan.get(), rows.taps.data()) == FFTCONV_OK, fftconv_last_error());
  rows.taps.assign(rows.taps.size(), NAN);  // the caller's again
  const auto before = rows.convolved(plan);
  CHECK(before != std::vector<std::uint16_t>(before.size(), 0));

  gate->open();
  CHECK(progress_of(plan, INFINITY) == FFTCONV_SETTLED);
  CHECK(fftconv_explain(plan.get()) != first_words);
  CHECK(fftconv_explain(plan.get()) == fftconv_explain(plan.get()));
  CHECK(first == first_words);  // lives as long as the plan
  CHECK(rows.convolved(plan) == before);

  fftconv_plan* made = nullptr;
  REQUIRE(fftconv_make_plan(context.get(), to_string(fftconv::small_problem()).c_str(), nullptr, 0, &made) ==
          FFTCONV_OK);
  const PlanHandle same(made);
  CHECK(std::string(fftconv_explain(same.get())) == fftconv_explain(plan.get()));
  CHECK(progress_of(same, 0) == FFTCONV_SETTLED);
}

TEST_CASE("Plans that are cancelled, or whose context is closed, keep the first kernel and go on computing") {
  const auto gate = std::make_shared<Gate>();
  ContextHandle context = open_gated(gate);
  const PlanHandle cancelled = make_async(context, to_string(fftconv::small_problem()));
  const PlanHandle orphan = make_async(context, to_string(fftconv::small_problem()));
  PlanHandle freed_at_work = make_async(context, to_string(fftconv::small_problem()));
  freed_at_work.reset();
  fftconv_cancel(cancelled.get());
  fftconv_cancel(nullptr);
  gate->open();
  const std::string first = fftconv_explain(cancelled.get());
  CHECK(progress_of(cancelled, kLong) == FFTCONV_CANCELLED);
  CHECK(fftconv_explain(cancelled.get()) == first);
  context.reset();
  CHECK(progress_of(orphan, 0) != FFTCONV_WORKING);
  for (const PlanHandle* plan : {&cancelled, &orphan}) {
    HalfRows rows;
    REQUIRE(fftconv_set_filter(plan->get(), rows.taps.data()) == FFTCONV_OK);
    rows.convolved(*plan);
  }
}

TEST_CASE("Why there is no better kernel is told, and the first one goes on computing") {
  fftconv::FakeScript script;
  script.facts = fftconv::make_fake_device({})->facts();
  script.facts.kind = fftconv::DeviceKind::sim;  // a device that cannot measure
  const auto device = fftconv::make_fake_device(std::move(script));
  const ContextHandle context(new fftconv_context{device, fftconv::context_on(device)});
  const PlanHandle plan = make_async(context, to_string(fftconv::small_problem()), "measure");
  fftconv_progress progress = FFTCONV_WORKING;
  CHECK(fftconv_wait(plan.get(), kLong, &progress) != FFTCONV_OK);
  CHECK(progress == FFTCONV_FAILED);
  CHECK(std::string(fftconv_last_error()) != "");
  HalfRows rows;
  REQUIRE(fftconv_set_filter(plan.get(), rows.taps.data()) == FFTCONV_OK);
  rows.convolved(plan);
}

TEST_CASE("An asynchronous plan is refused as a plan is") {
  fftconv_plan* plan = nullptr;
  fftconv_progress progress = FFTCONV_WORKING;
  CHECK(fftconv_make_plan_async(nullptr, nullptr, nullptr, 0, &plan) == FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_wait(nullptr, 0, &progress) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("may not be null"));
  const ContextHandle context = open_gated(std::make_shared<Gate>());
  CHECK(fftconv_make_plan_async(context.get(), "nonsense", nullptr, 0, &plan) == FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_make_plan_async(context.get(), to_string(fftconv::small_problem()).c_str(), "hasty", 0, &plan) ==
        FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("hasty"));
  CHECK(plan == nullptr);
}

TEST_CASE("Convolutions of an asynchronous plan on the CPU agree with fp64 before and after the better kernel") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  const char* const text = "causal/L1536/k1536/b2/h1/io-f32/f32/forward";
  const fftconv::Problem problem = fftconv::parse_problem(text).value();
  const PlanHandle plan = make_async(context, text, "measure");
  const unsigned seed = 20270118;
  INFO("seed " << seed);
  const auto taps = random_floats(1536, seed), u = random_floats(2 * 1536, seed + 1);
  REQUIRE_MESSAGE(fftconv_set_filter(plan.get(), taps.data()) == FFTCONV_OK, fftconv_last_error());
  const std::vector<double> filter(taps.begin(), taps.end());
  std::vector<double> expected;
  for (int row = 0; row < 2; ++row) {
    const std::vector<double> samples(u.begin() + row * 1536, u.begin() + (row + 1) * 1536);
    const std::vector<double> out = fftconv::reference_row(problem, samples, filter);
    expected.insert(expected.end(), out.begin(), out.end());
  }
  for (const double seconds : {0.0, kLong}) {
    if (seconds > 0) CHECK(progress_of(plan, seconds) == FFTCONV_SETTLED);
    std::vector<float> y(u.size(), -1.0f);
    const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, nullptr};
    REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());
    CHECK(fftconv::relative_l2_error(std::vector<double>(y.begin(), y.end()), expected) <=
          fftconv::error_budget(problem));
  }
}
