// Candidates in processes of their own: each kind of misbehaviour costs its own row and no more.
#include "fftconv/worker.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "fake_bench.h"
#include "fakes/planted.h"
#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "thinned.h"
#include "worker/process.h"
#include "worker/values.h"

namespace fftconv {
namespace {

constexpr double kHang = 6;  // seconds until a worker counts as hung

std::shared_ptr<WorkerPool> pool_of(const char* program, double limit_s = 30) {
  WorkerOptions options{.program = program};
  options.limits = {.compile_s = limit_s, .run_s = limit_s, .memory_bytes = std::int64_t{1} << 30};
  return make_worker_pool(options).value();
}

/// Says which candidate does what; the worker inherits it.
class Plants {
 public:
  explicit Plants(const std::vector<std::pair<std::string, KernelConfig>>& plants) {
    const auto file = directory_.path() / "plants";
    std::ofstream out(file);
    for (const auto& [plant, config] : plants) out << plant << " " << to_string(config) << "\n";
    setenv(test::kPlantsVariable, file.c_str(), 1);
  }
  ~Plants() { unsetenv(test::kPlantsVariable); }

 private:
  TemporaryDirectory directory_;
};

struct Outcome {
  SearchSummary summary;
  std::vector<Trial> trials;
  const Measurement& of(const KernelConfig& config) const {
    for (const Trial& trial : trials) {
      if (trial.config == config) return trial.measurement;
    }
    FAIL("no trial of " << to_string(config));
    std::abort();
  }
};

/// Tries the ranking's first `count` candidates in worker processes.
Outcome searched(Context& context, const std::shared_ptr<WorkerPool>& pool, int count) {
  auto runner = make_worker_runner(pool, context, small_problem(), {});
  REQUIRE_MESSAGE(runner, runner.error().message);
  SearchOptions options{.rigor = Rigor::exhaustive, .max_trials = count};
  auto summary = search(context, **runner, small_problem(), options);
  REQUIRE_MESSAGE(summary, summary.error().message);
  Outcome outcome{*summary, {}};
  context.with_database([&](TuningDb& db) { outcome.trials = db.trials(context.environment(), small_problem()); });
  return outcome;
}

std::vector<KernelConfig> first_configs() {
  std::vector<KernelConfig> configs;
  const auto device = make_fake_device(test::plain_script());
  for (const Ranked& ranked : rank(small_problem(), device->facts())) configs.push_back(ranked.config);
  return configs;
}

/// One candidate of 12 does `plant`; the others must all be measured.
Measurement planted(const std::string& plant, double limit_s = 30) {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{plant, configs[4]}});
  const auto context = context_on(make_fake_device(test::plain_script()));
  const Outcome outcome = searched(*context, pool_of(FFTCONV_PLANTED_WORKER, limit_s), 12);
  CHECK(outcome.trials.size() == 12);
  REQUIRE(outcome.summary.winner);
  CHECK(outcome.summary.winner->config != configs[4]);
  for (const Trial& trial : outcome.trials) {
    if (trial.config == configs[4]) continue;
    INFO(to_string(trial.config) << ": " << trial.measurement.reason);
    CHECK((trial.measurement.status == TrialStatus::measured || trial.measurement.status == TrialStatus::dropped));
  }
  return outcome.of(configs[4]);
}

bool says(const Measurement& measurement, const char* text) {
  INFO(measurement.reason);
  return measurement.reason.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("well-behaved candidates are measured in a worker as in this process") {
  const auto context = context_on(make_fake_device(test::plain_script()));
  const Outcome apart = searched(*context, pool_of(FFTCONV_PLANTED_WORKER), 12);
  const auto other = context_on(make_fake_device(test::plain_script()));
  const auto within = search(*other, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 12}).value();
  REQUIRE(apart.summary.winner);
  REQUIRE(within.winner);
  CHECK(apart.summary.winner->config == within.winner->config);
  CHECK(apart.summary.winner->measurement.median == within.winner->measurement.median);
  CHECK(apart.summary.winner->measurement.error == within.winner->measurement.error);
  CHECK(apart.summary.winner->measurement.registers == 64);
  CHECK(apart.summary.failed == 0);
}

TEST_CASE("a kernel that crashes is charged with the signal") {
  const Measurement m = planted("crash");
  CHECK(m.status == TrialStatus::crashed);
  CHECK(says(m, "signal 11"));
}

TEST_CASE("a kernel that never ends is charged with the time limit") {
  const Measurement m = planted("hang", kHang);
  CHECK(m.status == TrialStatus::timed_out);
  CHECK(says(m, "did not end within 6 s"));
}

TEST_CASE("a candidate that exhausts memory is charged, and the limit is named") {
  if (test::kSanitized) {
    MESSAGE("skipped: a sanitizer's own memory leaves no room for a limit");
    return;
  }
  const Measurement m = planted("memory");
  CHECK(m.status == TrialStatus::crashed);
  CHECK(says(m, "its limit is 1.07 GB"));
}

TEST_CASE("a candidate that ends the process is charged with the exit status") {
  const Measurement m = planted("exit");
  CHECK(m.status == TrialStatus::crashed);
  CHECK(says(m, "ended with status 0"));
}

TEST_CASE("what a candidate prints harms nobody, itself included") {
  CHECK(planted("print").status != TrialStatus::crashed);
}

TEST_CASE("a candidate that writes over the channel is charged") {
  const Measurement m = planted("channel");
  CHECK(m.status == TrialStatus::crashed);
  CHECK(says(m, "what is no answer"));
}

TEST_CASE("a candidate that breaks the context is charged, and the next has a new one") {
  const Measurement m = planted("context");
  CHECK(m.status == TrialStatus::launch_failed);
  CHECK(says(m, "illegal memory access"));
}

TEST_CASE("a candidate after which others crash is found out and charged") {
  const Measurement m = planted("poison");
  CHECK(m.status == TrialStatus::crashed);
  CHECK(says(m, "not without it"));
}

TEST_CASE("a candidate that crashes at its third launch is charged, though it was well when it was checked") {
  const Measurement m = planted("third");
  CHECK(m.status == TrialStatus::crashed);
  CHECK(says(m, "signal 11"));
}

TEST_CASE("a candidate that is the end of whoever comes after its third answer is charged, and nobody else") {
  CHECK(planted("late").status == TrialStatus::crashed);
}

TEST_CASE("a candidate that is right only where nothing ran before it is refused") {
  const Measurement m = planted("leftover");
  CHECK(m.status == TrialStatus::wrong_result);
  CHECK(says(m, "after another candidate in the same process, not alone"));
}

TEST_CASE("a candidate after which others compute wrong results is refused, and they are not") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"spoil", configs[1]}});
  const auto context = context_on(make_fake_device(test::plain_script()));
  auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER), *context, small_problem(), {}).value();
  for (int i = 0; i < 4; ++i) {
    const Measurement m = runner->prepare(configs[static_cast<std::size_t>(i)]).value();
    INFO(m.reason);
    CHECK(m.status == TrialStatus::measured);
  }
  for (const std::size_t well : {0, 2, 3}) CHECK(runner->sample(configs[well]));
  const auto spoils = runner->sample(configs[1]);
  REQUIRE_FALSE(spoils);
  CHECK(spoils.error().code == ErrorCode::wrong_result);
  CHECK(spoils.error().message.find("not without it") != std::string::npos);
}

TEST_CASE("values that cannot be, from a worker that lost its mind, are charged to its candidate") {
  for (const char* plant : {"forge-status", "forge-count", "forge-error", "compile-forge", "time-nan",
                            "time-negative", "clock-infinite"}) {
    CAPTURE(plant);
    const Measurement m = planted(plant);
    CHECK(m.status == TrialStatus::crashed);
    CHECK(says(m, "cannot be read"));
  }
}

TEST_CASE("a candidate for which there is no room stays untried, and the others go on") {
  const std::vector<KernelConfig> configs = first_configs();
  for (const char* plant : {"full", "killed"}) {  // the latter as the system does where memory ends
    CAPTURE(plant);
    const Plants plants({{plant, configs[4]}});
    const auto context = context_on(make_fake_device(test::plain_script()));
    const Outcome outcome = searched(*context, pool_of(FFTCONV_PLANTED_WORKER), 12);
    CHECK(outcome.trials.size() == 11);
    CHECK(outcome.summary.failed == 0);
    CHECK(outcome.summary.untried == 1);
    CHECK_FALSE(outcome.summary.record.complete);
    for (const Trial& trial : outcome.trials) CHECK(trial.config != configs[4]);
  }
}

TEST_CASE("where there is room for no candidate the search ends with that error and stores nothing") {
  std::vector<std::pair<std::string, KernelConfig>> list;
  for (const KernelConfig& config : first_configs()) list.emplace_back("full", config);
  const Plants plants(list);
  const auto context = context_on(make_fake_device(test::plain_script()));
  auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER), *context, small_problem(), {}).value();
  const auto summary = search(*context, *runner, small_problem(), {.rigor = Rigor::measure, .max_trials = 12});
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == ErrorCode::out_of_memory);
  CHECK(trials_of(*context, small_problem()).empty());
}

TEST_CASE("a worker that has no room for the inputs is one clear error before anything is tried") {
  if (test::kSanitized) {
    MESSAGE("skipped: a sanitizer's own memory leaves no room for a limit");
    return;
  }
  Problem large = small_problem(4096);
  large.batch = 4096;
  const auto context = context_on(make_fake_device(test::plain_script()));
  WorkerOptions options{.program = FFTCONV_PLANTED_WORKER};
  options.limits.memory_bytes = std::int64_t{64} << 20;
  const auto runner = make_worker_runner(make_worker_pool(options).value(), *context, large, {});
  REQUIRE_FALSE(runner);
  INFO(runner.error().message);
  CHECK(runner.error().message.find("bytes") != std::string::npos);
}

TEST_CASE("a context with workers plans by measuring in them, and a crash is not the application's") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"crash", configs[0]}});
  FakeScript here = test::plain_script();
  std::atomic<int> samples = 0;
  here.sample = [&](const KernelConfig&, int) {
    ++samples;
    return Sample{.seconds = 1e-3};
  };
  ContextOptions options{.use_disk = false};
  options.workers = pool_of(FFTCONV_PLANTED_WORKER);
  const auto context = Context::create(make_fake_device(here), options).value();
  const auto plan = context->plan(small_problem(), {.rigor = Rigor::measure});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK(plan->provenance() == Provenance::exact);
  CHECK(plan->config() != configs[0]);
  CHECK(samples == 0);
  context->with_database([&](TuningDb& db) {
    const auto trial = db.find(context->environment(), small_problem(), configs[0]);
    REQUIRE(trial);
    CHECK(trial->measurement.status == TrialStatus::crashed);
  });
}

TEST_CASE("a context whose workers do not start says so, and charges nobody") {
  ContextOptions options{.use_disk = false};
  options.workers = pool_of("/bin/true");
  const auto context = Context::create(make_fake_device(test::plain_script()), options).value();
  const auto plan = context->plan(small_problem(), {.rigor = Rigor::measure});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().message.find("/bin/true") != std::string::npos);
  CHECK(trials_of(*context, small_problem()).empty());
  CHECK(context->plan(small_problem()));
}

TEST_CASE("a process that does not read what it is sent is ended in time") {
  // sleep takes the two arguments of a worker as seconds, and never reads.
  const worker::Message large{worker::Kind::prepare, std::vector<std::byte>(16u << 20)};
  auto asked = worker::Process::start("/bin/sleep", 100).value();
  worker::Failure failure;
  CHECK_FALSE(asked->ask(large, 0.2, failure));
  CHECK(failure.kind == worker::Failure::Kind::timed_out);
  CHECK(asked->dead());
  auto told = worker::Process::start("/bin/sleep", 100).value();
  told->tell(large);
  CHECK(told->dead());
}

TEST_CASE("a process that does not go when it is killed holds up nobody, and is waited for later") {
  bool stuck = true;
  const auto reaper = std::make_shared<worker::Reaper>(
      [&](pid_t process, int* status) { return stuck ? 0 : waitpid(process, status, WNOHANG); }, 0.1);
  auto process = worker::Process::start("/bin/sleep", 100, reaper).value();
  worker::Failure failure;
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(process->ask({worker::Kind::sample, {}}, 0.2, failure));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(failure.kind == worker::Failure::Kind::timed_out);  // the candidate's, as with one that goes
  CHECK(process->dead());
  CHECK(reaper->look() == 1);
  const auto next = worker::Process::start("/bin/sleep", 100, reaper);  // others start meanwhile
  CHECK(next);
  CHECK(reaper->look() == 1);
  stuck = false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (reaper->look() > 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  CHECK(reaper->look() == 0);
}

TEST_CASE("how a process ended is told though it is not waited for without limit") {
  auto process = worker::Process::start("/bin/false", 100).value();
  worker::Failure failure;
  CHECK_FALSE(process->ask({worker::Kind::sample, {}}, 10, failure));
  CHECK(failure.kind == worker::Failure::Kind::crashed);
  CHECK(failure.reason == "ended with status 1");
}

TEST_CASE("a candidate that crashes now and then is charged, and nobody that ran before it") {
  CHECK(planted("sometimes").status == TrialStatus::crashed);
}

TEST_CASE("what a candidate leaves behind in its process does not reach the next problem") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"poison", configs[0]}});
  const auto context = context_on(make_fake_device(test::plain_script()));
  const auto pool = pool_of(FFTCONV_PLANTED_WORKER);
  auto first = make_worker_runner(pool, *context, small_problem(), {}).value();
  CHECK(first->prepare(configs[0])->status == TrialStatus::measured);
  first.reset();
  auto second = make_worker_runner(pool, *context, small_problem(), {}).value();
  const Measurement m = second->prepare(configs[1]).value();
  INFO(m.reason);
  CHECK(m.status == TrialStatus::measured);
}

TEST_CASE("a candidate cannot write to what this process has open") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "precious";
  std::FILE* stream = std::fopen(file.c_str(), "w");
  REQUIRE(stream);
  // Not close-on-exec, as most programs open files, and not where the worker has its channel.
  const int precious = fcntl(fileno(stream), F_DUPFD, 10);
  REQUIRE(precious >= 10);
  planted("descriptors");
  close(precious);
  std::fclose(stream);
  CHECK(std::filesystem::file_size(file) == 0);
}

TEST_CASE("a candidate that writes outside its buffers or into its inputs is refused, and the next has whole ones") {
  const Measurement outside = planted("outside");
  CHECK(outside.status == TrialStatus::wrong_result);
  CHECK(says(outside, "beside y"));
  const Measurement inputs = planted("inputs");
  CHECK(inputs.status == TrialStatus::wrong_result);
  CHECK(says(inputs, "changed its input: u"));
}

TEST_CASE("what a candidate did to the inputs while it was timed is made good before the next one is checked") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"inputs-later", configs[0]}});
  const auto context = context_on(make_fake_device(test::plain_script()));
  auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER), *context, small_problem(), {}).value();
  CHECK(runner->prepare(configs[0])->status == TrialStatus::measured);
  for (const std::size_t next : {1, 2}) {
    CHECK(runner->sample(configs[0]));
    const Measurement m = runner->prepare(configs[next]).value();
    INFO(m.reason);
    CHECK(m.status == TrialStatus::measured);
  }
}

TEST_CASE("in this process, too, one that writes where it must not costs its own row alone") {
  const std::vector<KernelConfig> configs = first_configs();
  for (const bool outside : {true, false}) {
    FakeScript script = test::plain_script();
    script.trespass = [&](const KernelConfig& config, const KernelArgs& args) {
      auto* u = const_cast<unsigned char*>(static_cast<const unsigned char*>(args.u));
      if (config == configs[4]) (outside ? static_cast<unsigned char*>(args.y)[-1] : u[0]) += 1;
    };
    const auto context = context_on(make_fake_device(script));
    const auto summary = search(*context, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 12}).value();
    CHECK(summary.failed == 1);
    context->with_database([&](TuningDb& db) {
      const auto trial = db.find(context->environment(), small_problem(), configs[4]);
      REQUIRE(trial);
      CHECK(trial->measurement.status == TrialStatus::wrong_result);
    });
  }
}

TEST_CASE("wrong results and NaN are refused with the error") {
  const Measurement wrong = planted("wrong");
  CHECK(wrong.status == TrialStatus::wrong_result);
  CHECK(wrong.error == doctest::Approx(0.2).epsilon(0.05));
  const Measurement nan = planted("nan");
  CHECK(nan.status == TrialStatus::wrong_result);
  CHECK(says(nan, "not finite"));
}

TEST_CASE("a compilation that crashes, hangs, exhausts memory or ends the process is charged as well") {
  const Measurement crash = planted("compile-crash");
  CHECK(crash.status == TrialStatus::crashed);
  CHECK(says(crash, "while it was compiling"));
  const Measurement hang = planted("compile-hang", kHang);
  CHECK(hang.status == TrialStatus::timed_out);
  CHECK(says(hang, "while it was compiling"));
  CHECK(planted("compile-exit").status == TrialStatus::crashed);
  if (!test::kSanitized) CHECK(planted("compile-memory").status == TrialStatus::crashed);
}

TEST_CASE("one of each kind in one search: each has its row, everything else is measured") {
  const std::vector<KernelConfig> configs = first_configs();
  std::vector<std::string> kinds{"crash",        "exit",         "print",   "channel", "context",
                                 "poison",       "wrong",        "nan",     "hang",    "compile-crash",
                                 "compile-exit", "compile-hang", "outside", "inputs"};
  if (!test::kSanitized) kinds.insert(kinds.end(), {"memory", "compile-memory"});
  std::vector<std::pair<std::string, KernelConfig>> list;
  for (std::size_t i = 0; i < kinds.size(); ++i) list.emplace_back(kinds[i], configs[2 * i + 1]);
  const Plants plants(list);
  TemporaryDirectory directory;
  const auto context = context_on(make_fake_device(test::plain_script()), directory.path());
  const std::size_t count = 2 * kinds.size() + 8;  // the plain default among them, wherever it is ranked
  const Outcome outcome = searched(*context, pool_of(FFTCONV_PLANTED_WORKER, 15), static_cast<int>(count));
  CHECK(outcome.trials.size() == count);
  CHECK(outcome.summary.failed == static_cast<int>(kinds.size()) - 1);
  CHECK(outcome.summary.untried == 0);
  REQUIRE(outcome.summary.winner);
  for (std::size_t i = 0; i < count - 2; ++i) {
    const bool is_plant = i % 2 == 1 && i / 2 < kinds.size();
    const std::string kind = is_plant ? kinds[i / 2] : "";
    const Measurement& m = outcome.of(configs[i]);
    CAPTURE(kind);
    CAPTURE(m.reason);
    const bool has_time = m.status == TrialStatus::measured || m.status == TrialStatus::dropped;
    CHECK(has_time == (kind.empty() || kind == "print"));
    if (!has_time) CHECK_FALSE(m.reason.empty());
    CHECK((m.status == TrialStatus::timed_out) == kind.ends_with("hang"));
  }
}

TEST_CASE("what hangs is stopped where the search's budget ends, stays untried, and the others keep their process") {
  const std::vector<KernelConfig> configs = first_configs();
  for (const char* plant : {"hang", "compile-hang"}) {
    CAPTURE(plant);
    const Plants plants({{plant, configs[1]}});
    const auto context = context_on(make_fake_device(test::plain_script()));
    auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER, 60), *context, small_problem(), {}).value();
    REQUIRE(runner->prepare(configs[0])->status == TrialStatus::measured);
    const Clock clock = monotonic_clock();
    const double start = clock();
    runner->until(clock, start + 1, {});
    // Nothing passed since then, so that this one may take what it needs; then the deadline holds.
    REQUIRE(runner->prepare(configs[2])->status == TrialStatus::measured);
    const auto cut_off = runner->prepare(configs[1]);
    CHECK(clock() - start < 10);
    REQUIRE_FALSE(cut_off);
    CHECK(cut_off.error().code == ErrorCode::busy);  // the machine's: no row
    INFO(cut_off.error().message);
    CHECK(cut_off.error().message.find("search was over") != std::string::npos);
    runner->release(configs[1]);
    // A search without a time tells nothing: the first sample is taken late, too, and no other.
    CHECK(runner->sample(configs[0]));
    CHECK(runner->sample(configs[2]).error().code == ErrorCode::busy);
    CHECK(runner->prepare(configs[3]).error().code == ErrorCode::busy);
    runner->release(configs[3]);
    // The next search has a time of its own.
    runner->until(clock, clock() + 60, {});
    CHECK(runner->sample(configs[2]));
    CHECK(runner->prepare(configs[3])->status == TrialStatus::measured);
  }
}

TEST_CASE("a cancelled search ends the compilation and the candidate that are running, the first ones included") {
  const std::vector<KernelConfig> configs = first_configs();
  for (const char* plant : {"hang", "compile-hang"}) {
    CAPTURE(plant);
    const Plants plants({{plant, configs[0]}});
    const auto context = context_on(make_fake_device(test::plain_script()));
    auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER, 60), *context, small_problem(), {}).value();
    std::atomic<bool> cancelled = false;
    const Clock clock = monotonic_clock();
    runner->until(clock, std::numeric_limits<double>::infinity(), [&] { return cancelled.load(); });
    const double start = clock();
    std::jthread ahead([&] { runner->compile(configs[0]); });
    std::jthread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      cancelled = true;
    });
    const auto cut_off = runner->prepare(configs[0]);
    ahead.join();
    CHECK(clock() - start < 10);
    REQUIRE_FALSE(cut_off);
    CHECK(cut_off.error().code == ErrorCode::busy);
    CHECK(trials_of(*context, small_problem()).empty());
  }
}

TEST_CASE(
    "a search in which a candidate hangs ends with its budget, has a winner, and leaves the candidate untried") {
  const std::vector<KernelConfig> configs = first_configs();
  for (const char* plant : {"hang", "compile-hang"}) {
    for (const std::size_t which : {1, 2}) {
      CAPTURE(plant);
      CAPTURE(which);
      const Plants plants({{plant, configs[which]}});
      const auto context = context_on(make_fake_device(test::plain_script()));
      auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER, 60), *context, small_problem(), {}).value();
      const Clock clock = monotonic_clock();
      const double start = clock();
      const auto summary =
          search(*context, *runner, small_problem(), {.rigor = Rigor::measure, .budget_s = 4, .max_trials = 40});
      const double took = clock() - start;
      CHECK(took < 8);
      REQUIRE_MESSAGE(summary, summary.error().message);
      CHECK(summary->winner);
      CHECK(summary->untried >= 1);
      CHECK_FALSE(summary->record.complete);
      for (const Trial& trial : trials_of(*context, small_problem())) {
        CHECK(trial.config != configs[which]);
        CHECK(trial.measurement.status != TrialStatus::timed_out);
      }
    }
  }
}

TEST_CASE("a search that only began is not stopped by its deadline before it has a time") {
  const std::vector<KernelConfig> configs = first_configs();
  const auto context = context_on(make_fake_device(test::plain_script()));
  auto runner = make_worker_runner(pool_of(FFTCONV_PLANTED_WORKER), *context, small_problem(), {}).value();
  const Clock clock = monotonic_clock();
  runner->until(clock, clock() - 1, {});
  CHECK(runner->prepare(configs[0])->status == TrialStatus::measured);
  CHECK(runner->prepare(configs[1]).error().code == ErrorCode::busy);
  CHECK(runner->sample(configs[0]));
  CHECK(runner->sample(configs[0]).error().code == ErrorCode::busy);
}

TEST_CASE("a worker program that ends at once is one clear error before anything is tried") {
  const auto context = context_on(make_fake_device(test::plain_script()));
  const auto runner = make_worker_runner(pool_of("/bin/true"), *context, small_problem(), {});
  REQUIRE_FALSE(runner);
  CHECK(runner.error().message.find("before it was asked for anything") != std::string::npos);
  CHECK(runner.error().message.find("/bin/true") != std::string::npos);
}

TEST_CASE("where workers no longer start the search ends with an error and charges nobody") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"crash", configs[2]}});
  TemporaryDirectory directory;
  const auto program = directory.path() / "worker";
  std::filesystem::copy_file(FFTCONV_PLANTED_WORKER, program);
  const auto context = context_on(make_fake_device(test::plain_script()));
  const auto pool = pool_of(program.c_str());
  auto runner = make_worker_runner(pool, *context, small_problem(), {}).value();
  for (const KernelConfig& config : configs) runner->compile(config);
  std::filesystem::remove(program);
  const auto summary = search(*context, *runner, small_problem(), {.rigor = Rigor::exhaustive, .max_trials = 12});
  REQUIRE_FALSE(summary);
  CHECK(summary.error().message.find("does not start") != std::string::npos);
  context->with_database([&](TuningDb& db) {
    for (const Trial& trial : db.trials(context->environment(), small_problem())) {
      INFO(trial.measurement.reason);
      CHECK(trial.measurement.status == TrialStatus::measured);
    }
    CHECK_FALSE(db.find_search(context->environment(), small_problem()));
  });
}

TEST_CASE("a worker of another version refuses to begin") {
  auto process = worker::Process::start(FFTCONV_PLANTED_WORKER, 0).value();
  worker::Writer out;
  out.put(DeviceKind::fake).put(0).put(to_string(small_problem()));
  put(out, MeasurePolicy{});
  worker::Failure failure;
  const std::string other = "0123";
  const auto answer = process->ask({worker::Kind::begin, out.put(other).put(true).take()}, 30, failure);
  REQUIRE(answer);
  worker::Reader in(answer->payload);
  CHECK_FALSE(in.flag());
  CHECK(worker::refusal_in(in).message.find("another version") != std::string::npos);
}

TEST_CASE("a worker program that is not there is refused with what to do") {
  const auto pool = make_worker_pool({.program = "/nonexistent/worker"});
  REQUIRE_FALSE(pool);
  CHECK(pool.error().message.find("FFTCONV_WORKER") != std::string::npos);
}

TEST_CASE("a worker ends when its parent does, though a kernel never does") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"hang", configs[0]}});
  REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);  // the worker becomes this process's child when its parent ends
  const pid_t parent = fork();
  if (parent == 0) {
    auto process = worker::Process::start(FFTCONV_PLANTED_WORKER, 0);
    worker::Writer out;
    out.put(DeviceKind::fake).put(0).put(to_string(small_problem()));
    put(out, MeasurePolicy{});
    worker::Failure failure;
    (void)(*process)->ask({worker::Kind::begin, out.put(generator_digest()).put(true).take()}, 30, failure);
    const auto device = make_fake_device(test::plain_script());
    const KernelSource source = emit(small_problem(), configs[0], device->facts()).value();
    worker::Writer prepare;
    prepare.put(to_string(configs[0])).put(source.digest);
    put(prepare, device->compile(source).value());
    (*process)->tell({worker::Kind::prepare, prepare.take()});
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    _exit(0);  // without a word: as if it had been killed
  }
  int status = 0;
  CHECK(waitpid(parent, &status, 0) == parent);
  const pid_t worker = waitpid(-1, &status, 0);  // comes back when it has ended
  CHECK(worker > 0);
  CHECK(WIFEXITED(status));
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("messages that are cut, changed or foreign are told from good ones") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const worker::Message sent{worker::Kind::sample, std::vector<std::byte>(1000, std::byte{7})};
  REQUIRE(worker::send(ends[0], sent, 5));
  const auto got = worker::receive(ends[1], 5);
  REQUIRE(got);
  CHECK(got->kind == sent.kind);
  CHECK(got->payload == sent.payload);
  CHECK(worker::receive(ends[1], 0.01).error().code == ErrorCode::timeout);

  REQUIRE(worker::send(ends[0], sent, 5));
  std::vector<char> bytes(32 + 1000);
  REQUIRE(read(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  bytes[500] ^= 1;
  REQUIRE(write(ends[0], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  CHECK(worker::receive(ends[1], 5).error().code == ErrorCode::damaged);

  REQUIRE(write(ends[0], "this is no message, whatever it may be", 38) == 38);
  CHECK(worker::receive(ends[1], 5).error().code == ErrorCode::damaged);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("who does not read does not stop who writes") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const worker::Message large{worker::Kind::prepare, std::vector<std::byte>(16u << 20)};
  const auto sent = worker::send(ends[0], large, 0.05);
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == ErrorCode::timeout);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("values out of range are told from good ones") {
  worker::Writer out;
  const std::vector<std::byte> bytes = out.put(std::uint8_t{7}).put(99).take();
  worker::Reader flag(bytes);
  CHECK_FALSE(flag.flag());
  CHECK_FALSE(flag.ok());
  worker::Reader status(std::span<const std::byte>(bytes).subspan(1));
  status.get(TrialStatus::crashed);
  CHECK_FALSE(status.ok());
}

TEST_CASE("on the CPU a real worker measures real kernels, and this process stores them") {
  const auto device = open_cpu_device();
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  const auto pool = make_worker_pool({.program = std::string(FFTCONV_BIN_DIR) + "/fftconv-worker"}).value();
  Problem problem = small_problem(512);
  problem.io = DataType::f32;
  problem.precision = Precision::f32;
  TemporaryDirectory directory;
  const auto context = context_on(*device, directory.path());
  auto runner = make_worker_runner(pool, *context, problem, {});
  REQUIRE(runner);
  const auto summary = search(*context, **runner, problem, {.rigor = Rigor::measure, .max_trials = 4});
  REQUIRE_MESSAGE(summary, summary.error().message);
  REQUIRE(summary->winner);
  CHECK(summary->failed == 0);
  CHECK(summary->winner->measurement.error > 0);
  CHECK(summary->winner->measurement.compile_s > 0);
  const auto plan = context->plan(problem, {.rigor = Rigor::cached_only});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK(plan->kernel().from_cache);
  CHECK(plan->config() == summary->winner->config);
}

TEST_CASE("real kernels compiled from a tampered source cost their own rows") {
  const auto device = open_cpu_device();
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  Problem problem = small_problem(512);
  problem.io = DataType::f32;
  problem.precision = Precision::f32;
  const std::vector<Ranked> ranked = rank(problem, (*device)->facts());
  REQUIRE(ranked.size() >= 7);
  const Plants plants({{"crash", ranked[1].config},
                       {"hang", ranked[2].config},
                       {"outside", ranked[3].config},
                       {"inputs", ranked[4].config},
                       {"text", ranked[5].config}});
  const auto context = context_on(*device);
  const auto pool = pool_of(FFTCONV_PLANTED_WORKER, test::kSanitized ? 20 : 6);
  auto runner = make_worker_runner(pool, *context, problem, {}).value();
  const std::pair<TrialStatus, const char*> expected[] = {
      {TrialStatus::measured, ""},
      {TrialStatus::crashed, test::kSanitized ? "ended with status" : "signal 11"},
      {TrialStatus::timed_out, "did not end within"},
      {TrialStatus::wrong_result, "beside y"},
      {TrialStatus::wrong_result, "changed its input: u"},
      {TrialStatus::compile_failed, ""},
      {TrialStatus::measured, ""}};
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    const Measurement m = runner->prepare(ranked[i].config).value();
    CAPTURE(i);
    CHECK(to_string(m.status) == std::string(to_string(expected[i].first)));
    CHECK(says(m, expected[i].second));
  }
  for (const std::size_t well : {0, 6}) CHECK(runner->sample(ranked[well].config));
}

}  // namespace fftconv
