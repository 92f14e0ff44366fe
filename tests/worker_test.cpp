// Candidates in processes of their own: each kind of misbehaviour costs its own row and no more.
#include "fftconv/worker.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "fake_bench.h"
#include "fakes/planted.h"
#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "worker/process.h"
#include "worker/values.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

namespace fftconv {
namespace {

constexpr double kHang = 2;  // seconds until a worker counts as hung

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
  CHECK(says(m, "did not end within 2 s"));
}

TEST_CASE("a candidate that exhausts memory is charged, and the limit is named") {
  if (kSanitized) {
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
  if (!kSanitized) CHECK(planted("compile-memory").status == TrialStatus::crashed);
}

TEST_CASE("one of each kind in one search: each has its row, everything else is measured") {
  const std::vector<KernelConfig> configs = first_configs();
  const std::vector<std::string> kinds{"crash",  "exit",  "print", "channel",       "context",
                                       "poison", "wrong", "nan",   "compile-crash", "compile-exit"};
  std::vector<std::pair<std::string, KernelConfig>> list;
  for (std::size_t i = 0; i < kinds.size(); ++i) list.emplace_back(kinds[i], configs[2 * i + 1]);
  const Plants plants(list);
  TemporaryDirectory directory;
  const auto context = context_on(make_fake_device(test::plain_script()), directory.path());
  const Outcome outcome = searched(*context, pool_of(FFTCONV_PLANTED_WORKER), 32);
  CHECK(outcome.trials.size() == 32);
  for (std::size_t i = 0; i < configs.size() && i < 30; ++i) {
    const bool is_plant = i % 2 == 1 && i / 2 < kinds.size();
    const std::string kind = is_plant ? kinds[i / 2] : "";
    const Measurement& m = outcome.of(configs[i]);
    CAPTURE(kind);
    CAPTURE(m.reason);
    const bool has_time = m.status == TrialStatus::measured || m.status == TrialStatus::dropped;
    CHECK(has_time == (kind.empty() || kind == "print"));
    if (!has_time) CHECK_FALSE(m.reason.empty());
  }
}

TEST_CASE("a worker program that ends at once is one clear error, not an endless loop") {
  const auto context = context_on(make_fake_device(test::plain_script()));
  auto runner = make_worker_runner(pool_of("/bin/true"), *context, small_problem(), {});
  REQUIRE(runner);
  const Measurement m = (*runner)->prepare(first_configs()[0]);
  CHECK(m.status != TrialStatus::measured);
  CHECK(says(m, "before it was asked for anything"));
}

TEST_CASE("a worker program that is not there is refused with what to do") {
  const auto pool = make_worker_pool({.program = "/nonexistent/worker"});
  REQUIRE_FALSE(pool);
  CHECK(pool.error().message.find("FFTCONV_WORKER") != std::string::npos);
}

TEST_CASE("a worker ends when its parent's channel closes, though a kernel never does") {
  const std::vector<KernelConfig> configs = first_configs();
  const Plants plants({{"hang", configs[0]}});
  int channel[2];
  REQUIRE(pipe(channel) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    auto process = worker::Process::start(FFTCONV_PLANTED_WORKER, 0);
    // The worker inherits the write end and holds it open until it ends.
    close(channel[0]);
    worker::Writer out;
    out.put(DeviceKind::fake).put(0).put(to_string(small_problem()));
    put(out, MeasurePolicy{});
    worker::Failure failure;
    (void)(*process)->ask({worker::Kind::begin, out.take()}, 30, failure);
    const auto device = make_fake_device(test::plain_script());
    const KernelSource source = emit(small_problem(), configs[0], device->facts()).value();
    worker::Writer prepare;
    prepare.put(to_string(configs[0])).put(source.digest);
    put(prepare, device->compile(source).value());
    (*process)->tell({worker::Kind::prepare, prepare.take()});
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    _exit(0);  // without a word: as if it had been killed
  }
  close(channel[1]);
  char byte = 0;
  CHECK(read(channel[0], &byte, 1) == 0);  // comes back when the last holder has ended
  int status = 0;
  waitpid(parent, &status, 0);
  close(channel[0]);
}

TEST_CASE("messages that are cut, changed or foreign are told from good ones") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const worker::Message sent{worker::Kind::sample, std::vector<std::byte>(1000, std::byte{7})};
  REQUIRE(worker::send(ends[0], sent));
  const auto got = worker::receive(ends[1], 5);
  REQUIRE(got);
  CHECK(got->kind == sent.kind);
  CHECK(got->payload == sent.payload);
  CHECK(worker::receive(ends[1], 0.01).error().code == ErrorCode::timeout);

  REQUIRE(worker::send(ends[0], sent));
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

}  // namespace fftconv
