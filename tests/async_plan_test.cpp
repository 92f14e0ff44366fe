// AsyncPlan: usable at once, better later; one compilation of each kernel however many ask.
#include "fftconv/async_plan.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <condition_variable>
#include <map>
#include <new>
#include <random>
#include <stdexcept>
#include <thread>

#include "background.h"
#include "fake_bench.h"
#include "fftconv/search_space.h"
#include "flights.h"
#include "plan_state.h"

namespace fftconv {
namespace {

constexpr double kLong = 60;  // s, for what is over in milliseconds

/// Lets whoever waits pass once it is opened.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

KernelConfig plain(const Problem& problem) {
  const auto device = make_fake_device({});
  return *default_config(problem, device->facts());
}

/// A device whose compiler makes everything but the plain defaults wait at a gate.
std::shared_ptr<Device> gated_device(const std::shared_ptr<Gate>& gate, const std::shared_ptr<FakeLog>& log,
                                     Result<void> then = Result<void>()) {
  FakeScript script;
  script.compile = [gate, then, first = plain(small_problem()),
                    second = plain(small_problem(1024))](const KernelConfig& config) -> Result<void> {
    if (config == first || config == second) return {};
    gate->wait();
    return then;
  };
  return counting_device(std::move(script), log);
}

struct Rows {
  std::vector<float> taps;
  std::vector<std::uint16_t> u, y;
  explicit Rows(const Problem& problem, unsigned seed = 7)
      : taps(static_cast<std::size_t>(filter_count(problem) * problem.filter_len)),
        u(static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen), 0x3c00),  // 1.0
        y(u.size()) {
    std::mt19937 random(seed);
    for (float& tap : taps) tap = static_cast<float>(random() % 5) / 4;
  }
};

AsyncPlan started(Context& context, const Problem& problem, const PlanOptions& options = {}) {
  auto plan = context.plan_async(problem, options);
  REQUIRE_MESSAGE(plan, plan.error().message);
  return *plan;
}

std::vector<std::uint16_t> convolved(const AsyncPlan& plan, Rows& rows) {
  rows.y.assign(rows.y.size(), 0);
  const auto run = plan.execute({.u = rows.u.data(), .y = rows.y.data()});
  REQUIRE_MESSAGE(run, run.error().message);
  return rows.y;
}

}  // namespace

TEST_CASE("the plain default is there at once and computes; the better kernel takes over with its spectrum") {
  const auto gate = std::make_shared<Gate>();
  const auto log = std::make_shared<FakeLog>();
  const auto device = gated_device(gate, log);
  const auto context = context_on(device);
  const auto best = ranked_configs(small_problem(), *device).front();
  REQUIRE(best != plain(small_problem()));

  AsyncPlan plan = started(*context, small_problem());
  CHECK(plan.progress() == AsyncProgress::working);
  CHECK(plan.current().config() == plain(small_problem()));
  CHECK(plan.current().provenance() == Provenance::plain_default);
  Rows rows(small_problem());
  CHECK_FALSE(plan.execute({.u = rows.u.data(), .y = rows.y.data()}).ok());  // no filter yet
  REQUIRE(plan.set_filter(rows.taps.data()));
  const auto before = convolved(plan, rows);
  CHECK(before != std::vector<std::uint16_t>(before.size(), 0));

  gate->open();
  REQUIRE(plan.wait(kLong) == AsyncProgress::settled);
  CHECK(plan.current().config() == best);
  CHECK(convolved(plan, rows) == before);

  Rows other(small_problem(), 8);
  REQUIRE(plan.set_filter_from_host(other.taps.data()));
  CHECK(convolved(plan, other) != before);
  CHECK(context->plan(small_problem())->config() == best);
  CHECK(log->compiles == 2);
}

TEST_CASE("a plan in memory settles at once; one in the cache is taken without compiling") {
  const TemporaryDirectory directory;
  const auto log = std::make_shared<FakeLog>();
  {
    const auto context = context_on(counting_device({}, log), directory.path());
    REQUIRE(context->plan(small_problem()));
    CHECK(started(*context, small_problem()).progress() == AsyncProgress::settled);
  }
  const auto context = context_on(counting_device({}, log), directory.path());
  const AsyncPlan plan = started(*context, small_problem());
  CHECK(plan.wait(kLong) == AsyncProgress::settled);
  CHECK(log->compiles == 1);
}

TEST_CASE("a rigor that measures searches in the background, and the winner takes over") {
  const auto log = std::make_shared<FakeLog>();
  FakeScript script;
  const auto slow_first = plain(small_problem());
  script.sample = [slow_first](const KernelConfig& config, int) {
    return Sample{.seconds = config == slow_first ? 2e-3 : 1e-3};
  };
  const auto context = context_on(counting_device(std::move(script), log));
  AsyncPlan plan = started(*context, small_problem(), {.rigor = Rigor::measure});
  Rows rows(small_problem());
  REQUIRE(plan.set_filter(rows.taps.data()));
  const auto before = convolved(plan, rows);
  REQUIRE(plan.wait(kLong) == AsyncProgress::settled);
  CHECK(log->samples > 0);
  CHECK(plan.current().provenance() == Provenance::exact);
  CHECK(plan.current().config() != slow_first);
  CHECK(convolved(plan, rows) == before);
}

TEST_CASE("where the better kernels do not compile the background settles on the plain default") {
  const auto gate = std::make_shared<Gate>();
  const auto context = context_on(gated_device(gate, std::make_shared<FakeLog>(),
                                               Error{ErrorCode::dependency_missing, "the compiler went away"}));
  AsyncPlan plan = started(*context, small_problem());
  Rows rows(small_problem());
  REQUIRE(plan.set_filter(rows.taps.data()));
  const auto before = convolved(plan, rows);
  gate->open();
  CHECK(plan.wait(kLong) == AsyncProgress::settled);
  CHECK(plan.current().config() == plain(small_problem()));
  CHECK(convolved(plan, rows) == before);
}

TEST_CASE("where nothing better can be made the error is told and the first plan stays") {
  FakeScript script;
  script.facts = make_fake_device({})->facts();
  script.facts.kind = DeviceKind::sim;  // a device that cannot measure
  const auto context = context_on(make_fake_device(std::move(script)));
  AsyncPlan plan = started(*context, small_problem(), {.rigor = Rigor::measure});
  REQUIRE(plan.wait(kLong) == AsyncProgress::failed);
  REQUIRE(plan.error());
  CHECK_FALSE(plan.error()->message.empty());
  Rows rows(small_problem());
  REQUIRE(plan.set_filter(rows.taps.data()));
  convolved(plan, rows);
}

TEST_CASE("a context that goes ends the background's work, and the first plan outlives it") {
  const auto gate = std::make_shared<Gate>();
  auto context = context_on(gated_device(gate, std::make_shared<FakeLog>()));
  AsyncPlan working = started(*context, small_problem());
  AsyncPlan waiting = started(*context, small_problem(1024));
  std::thread opener([&] { gate->open(); });
  context.reset();
  opener.join();
  CHECK(working.wait(0) != AsyncProgress::working);
  CHECK(waiting.wait(0) != AsyncProgress::working);
  Rows rows(small_problem());
  REQUIRE(working.set_filter(rows.taps.data()));
  convolved(working, rows);
}

TEST_CASE("a plan that is cancelled keeps its first kernel") {
  const auto gate = std::make_shared<Gate>();
  const auto context = context_on(gated_device(gate, std::make_shared<FakeLog>()));
  AsyncPlan plan = started(*context, small_problem());
  plan.cancel();
  gate->open();
  CHECK(plan.wait(kLong) == AsyncProgress::cancelled);
  CHECK(plan.current().config() == plain(small_problem()));
}

TEST_CASE("convolutions that run during the swap and while filters are set are all right") {
  const auto gate = std::make_shared<Gate>();
  const auto context = context_on(gated_device(gate, std::make_shared<FakeLog>()));
  AsyncPlan plan = started(*context, small_problem());
  Rows rows(small_problem());
  REQUIRE(plan.set_filter(rows.taps.data()));
  const auto right = convolved(plan, rows);
  std::atomic<bool> over = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Rows own(small_problem());
      do {
        if (!plan.execute({.u = own.u.data(), .y = own.y.data()}) || own.y != right) ++wrong;
      } while (!over);
    });
  }
  gate->open();
  for (int i = 0; i < 5; ++i) {
    if (!plan.set_filter(rows.taps.data())) ++wrong;
  }
  CHECK(plan.wait(kLong) == AsyncProgress::settled);
  over = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(plan.current().config() != plain(small_problem()));
}

TEST_CASE("sixteen threads that ask both ways for some problems compile each kernel once") {
  const auto log = std::make_shared<FakeLog>();
  std::mutex mutex;
  std::map<std::string, int> compiled;
  FakeScript script;
  script.compile = [&](const KernelConfig& config) -> Result<void> {
    const std::lock_guard lock(mutex);
    ++compiled[to_string(config)];
    return {};
  };
  const auto context = context_on(counting_device(std::move(script), log));
  const Problem problems[] = {small_problem(256), small_problem(500), small_problem(2048)};
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n < 3; ++n) {
          const Problem& problem = problems[(i + n) % 3];
          if (i % 2 == 0) {
            if (!context->plan(problem)) ++failed;
            continue;
          }
          auto plan = context->plan_async(problem);
          if (!plan || plan->wait(kLong) != AsyncProgress::settled) ++failed;
        }
      });
    }
  }
  CHECK(failed == 0);
  for (const auto& kernel : compiled) {
    CAPTURE(kernel.first);
    CHECK(kernel.second == 1);
  }
  CHECK(log->compiles <= 6);
}

TEST_CASE("work that throws is an error for all who wait for it, and the next who asks tries again") {
  Flights<int> flights;
  std::atomic<int> entered = 0, told = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        ++entered;
        const Result<int> answer = flights.join("key", [&]() -> Result<int> {
          while (entered < 4) std::this_thread::yield();
          std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the others come to wait
          throw std::bad_alloc();
        });
        if (!answer && answer.error().code == ErrorCode::out_of_memory) ++told;
      });
    }
  }
  CHECK(told == 4);
  const auto internal = flights.join("key", []() -> Result<int> { throw std::runtime_error("a broken pipe"); });
  REQUIRE_FALSE(internal);
  CHECK(internal.error() == Error{ErrorCode::internal, "a broken pipe"});
  CHECK_FALSE(flights.join("key", []() -> Result<int> { throw 7; }));
  CHECK(flights.join("key", []() -> Result<int> { return 3; }).value() == 3);
}

TEST_CASE("a compiler that throws costs the plan that it was for, not the ones after it") {
  std::atomic<bool> broken = true;
  FakeScript script;
  script.compile = [&](const KernelConfig&) -> Result<void> {
    if (broken) throw std::bad_alloc();
    return {};
  };
  const auto device = make_fake_device(std::move(script));
  const auto context = context_on(device);
  const auto refused = context->plan(small_problem());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::out_of_memory);
  CHECK(trials_of(*context, small_problem()).empty());  // it says nothing of the candidates
  broken = false;
  const auto plan = context->plan(small_problem());
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK(plan->config() == ranked_configs(small_problem(), *device).front());
}

TEST_CASE("a compiler that throws in the background leaves the application its first plan") {
  FakeScript script;
  script.compile = [first = plain(small_problem())](const KernelConfig& config) -> Result<void> {
    if (!(config == first)) throw std::bad_alloc();
    return {};
  };
  const auto context = context_on(make_fake_device(std::move(script)));
  for (const Rigor rigor : {Rigor::estimate, Rigor::measure}) {
    AsyncPlan plan = started(*context, small_problem(), {.rigor = rigor});
    CHECK(plan.wait(kLong) != AsyncProgress::working);
    CHECK(plan.current().config() == plain(small_problem()));
    Rows rows(small_problem());
    REQUIRE(plan.set_filter(rows.taps.data()));
    convolved(plan, rows);
  }
}

TEST_CASE("what throws in the background is the plan's error, and the next plan is made") {
  FakeScript script;
  script.facts = make_fake_device({})->facts();
  script.facts.kind = DeviceKind::sim;  // a device that cannot measure: that is logged
  ContextOptions options{.use_disk = false};
  options.log = [](const std::string&) { throw std::runtime_error("the log is full"); };
  const auto context = Context::create(make_fake_device(std::move(script)), options).value();
  AsyncPlan plan = started(*context, small_problem(), {.rigor = Rigor::measure});
  REQUIRE(plan.wait(kLong) == AsyncProgress::failed);
  CHECK(plan.error() == Error{ErrorCode::internal, "the log is full"});
  CHECK(started(*context, small_problem()).wait(kLong) == AsyncProgress::settled);
}

TEST_CASE("a background task that throws is told of it, and those after it run") {
  std::vector<std::string> said;
  Gate over;
  {
    Background background(make_fake_device({}));
    const auto add = [&](const std::function<void()>& run) {
      background.add(
          Background::Kind::compiles, run, [] {}, [&](const Error& error) { said.push_back(error.message); });
    };
    add([] { throw std::runtime_error("first"); });
    add([] { throw std::bad_alloc(); });
    add([&] { said.emplace_back("third ran"); });
    add([&] { over.open(); });
    over.wait();
  }
  CHECK(said == std::vector<std::string>{"first", "Out of memory.", "third ran"});
}

TEST_CASE("a problem that has no meaning is refused at once") {
  const auto context = context_on(make_fake_device({}));
  CHECK(context->plan_async(Problem{}).error().code == ErrorCode::invalid_argument);
}

}  // namespace fftconv
