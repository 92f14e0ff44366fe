// Launches of the CPU device on threads of its own and of an application, with a kernel that counts who is in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cpu/cpu_kernel.h"
#include "cpu/thread_pool.h"

using namespace fftconv;

namespace {

constexpr int kItems = 64;

/// What all launches of a test leave behind.
struct Ledger {
  std::function<void()> while_inside;  // for every whole item
  std::atomic<int> inside{0}, most_inside{0}, too_early{0};
  std::atomic<int> items[kItems] = {};
  std::atomic<int> units[2][kItems] = {};  // of two passes: split, then subtrees
  std::mutex mutex;
  std::set<std::thread::id> threads;

  void reset() {
    while_inside = nullptr;
    inside = most_inside = too_early = 0;
    for (int i = 0; i < kItems; ++i) items[i] = units[0][i] = units[1][i] = 0;
    threads.clear();
  }
} ledger;

/// Half a minute at most.
void wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

/// A while in the kernel.
class Visit {
 public:
  Visit() {
    const int now = ++ledger.inside;
    for (int most = ledger.most_inside; now > most && !ledger.most_inside.compare_exchange_weak(most, now);) continue;
    {
      const std::lock_guard lock(ledger.mutex);
      ledger.threads.insert(std::this_thread::get_id());
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(300);
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  ~Visit() { --ledger.inside; }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
};

void convolve(const KernelArgs*, std::int64_t first, std::int64_t last, float* scratch) {
  for (std::int64_t i = first; i < last; ++i) {
    const Visit visit;
    scratch[0] = 1;
    if (ledger.while_inside) ledger.while_inside();
    ++ledger.items[i];
  }
}

void share(const KernelArgs*, std::int64_t item, std::int64_t pass, std::int64_t, std::int64_t first,
           std::int64_t last, float*) {
  const bool second = pass == static_cast<std::int64_t>(SharePass::subtrees);
  if (second && ledger.units[0][item] != 32) ++ledger.too_early;
  if (pass == static_cast<std::int64_t>(SharePass::join) && ledger.units[1][item] != 8) ++ledger.too_early;
  const Visit visit;
  if (pass != static_cast<std::int64_t>(SharePass::join)) {
    ledger.units[second ? 1 : 0][item] += static_cast<int>(last - first);
  } else {
    ledger.items[item] += static_cast<int>(last - first);
  }
}

class FakeObject : public LinkedObject {
 public:
  void* symbol(const std::string& name) const override {
    return name == "share" ? reinterpret_cast<void*>(share) : reinterpret_cast<void*>(convolve);
  }
};

class Bench {
 public:
  Bench(std::shared_ptr<Executor> executor, int threads, bool shares)
      : team_(std::make_shared<Team>(std::move(executor), threads)) {
    ledger.reset();
    source_.convolution = {"convolve", {kItems, 1, 1}, 1, 1024};
    source_.spectrum = {"spectrum", {1, 1, 1}, 1, 1024};
    source_.config.radices = {256, 256};
    source_.config.rows = 1;
    if (shares) {
      source_.shares = {.convolution = "share", .spectrum = "share", .blocks = {32}, .subtrees = {8}};
    }
    kernel_ = CpuKernel::make(source_, std::make_unique<FakeObject>(), team_).value();
  }

  Team& team() const { return *team_; }

  Result<void> launch(int items, std::int64_t scratch_bytes = 1024) const {
    KernelEntry entry = source_.convolution;
    entry.grid[0] = items;
    entry.shared_bytes = scratch_bytes;
    float memory[1] = {};
    KernelArgs args;
    args.u = args.tables = memory;
    args.y = args.spectrum = memory;
    return kernel_->launch(entry, args, nullptr);
  }

 private:
  std::shared_ptr<Team> team_;
  KernelSource source_;
  std::shared_ptr<const LoadedKernel> kernel_;
};

/// An executor that runs everything on the calling thread, last task first, and knows when it is in a task.
class Backwards : public Executor {
 public:
  int threads() const override { return busy ? 1 : 4; }
  void run(Task task, void* context, int count) override {
    ++runs;
    for (int i = count - 1; i >= 0; --i) task(context, i);
  }
  bool busy = false;
  int runs = 0;
};

}  // namespace

TEST_CASE("a launch uses the threads of the device, and no more") {
  const Bench bench(make_thread_pool(4), 3, false);
  ledger.while_inside = [] { wait_until([] { return ledger.most_inside == 3; }); };
  REQUIRE(bench.launch(48));
  CHECK(ledger.most_inside == 3);
  CHECK(std::count(std::begin(ledger.items), std::end(ledger.items), 1) == 48);
}

TEST_CASE("a pass over a shared row begins when the one before has ended, on all threads") {
  const Bench bench(make_thread_pool(2), 2, true);
  for (int repeat = 0; repeat < 5; ++repeat) {
    ledger.reset();
    REQUIRE(bench.launch(3));  // two rows whole, one shared
    CHECK(ledger.items[0] == 1);
    CHECK(ledger.items[1] == 1);
    CHECK(ledger.items[2] == 32);  // units of the join
    CHECK(ledger.units[1][2] == 8);
    CHECK(ledger.too_early == 0);
  }
}

TEST_CASE("several launches at once do not have the device's threads each") {
  for (const int callers : {2, 6}) {
    const Bench bench(make_thread_pool(4), 4, true);
    std::vector<std::thread> application;
    for (int i = 0; i < callers; ++i) {
      application.emplace_back([&] {
        for (int repeat = 0; repeat < 4; ++repeat) static_cast<void>(bench.launch(21));
      });
    }
    for (std::thread& thread : application) thread.join();
    // A helper leaves between two pieces of work: until then it is one too many, and only one launch has helpers.
    CHECK(ledger.most_inside <= callers + 3);
    for (int i = 0; i < 20; ++i) CHECK(ledger.items[i] == 4 * callers);
  }
}

TEST_CASE("a helper leaves a launch while another thread computes, for the rest of it") {
  Team team(make_thread_pool(2), 2);
  Team::Part first(team, false), helper(team, true);
  CHECK(helper.goes_on());
  {
    Team::Part other(team, false);
    CHECK(first.goes_on());
    CHECK(other.goes_on());
    CHECK_FALSE(helper.goes_on());
  }
  CHECK_FALSE(helper.goes_on());
  Team::Part another(team, true);
  CHECK(another.goes_on());
}

TEST_CASE("a launch that goes on gives a thread up to one that begins") {
  const Bench bench(make_thread_pool(2), 2, false);
  std::atomic<bool> other_begins{false}, helper_left{false};
  std::atomic<int> helped{0};
  std::thread::id caller;
  ledger.while_inside = [&] {
    if (std::this_thread::get_id() == caller) return wait_until([&] { return helper_left.load(); });
    ++helped;
    wait_until([&] { return other_begins.load(); });
  };
  std::thread application([&] {
    caller = std::this_thread::get_id();
    static_cast<void>(bench.launch(kItems));
  });
  wait_until([] { return ledger.inside == 2; });
  {
    const Team::Part other(bench.team(), false);
    other_begins = true;
    wait_until([&] { return bench.team().computing() == 2; });
    helper_left = true;
  }
  application.join();
  CHECK(helped == kItems / 16);  // the piece that it had
  CHECK(std::count(std::begin(ledger.items), std::end(ledger.items), 1) == kItems);
}

TEST_CASE("an executor may run its tasks one after another in any order") {
  const auto executor = std::make_shared<Backwards>();
  const Bench bench(executor, 4, true);
  REQUIRE(bench.launch(5));
  CHECK(executor->runs == 1);
  CHECK(ledger.most_inside == 1);
  CHECK(ledger.too_early == 0);
  for (int i = 0; i < 4; ++i) CHECK(ledger.items[i] == 1);
  CHECK(ledger.items[4] == 32);
}

TEST_CASE("a launch from inside a task of the executor runs on that thread alone") {
  SUBCASE("of the application") {
    const auto executor = std::make_shared<Backwards>();
    const Bench bench(executor, 4, true);
    executor->busy = true;
    REQUIRE(bench.launch(5));
    CHECK(executor->runs == 0);
    CHECK(ledger.threads.size() == 1);
    for (int i = 0; i < 5; ++i) CHECK(ledger.items[i] == 1);
  }
  SUBCASE("of the device's kind of pool") {
    const auto pool = make_thread_pool(3);
    struct Inside {
      const Bench bench;
      std::atomic<int> failed{0};
    } inside{Bench(pool, 3, true)};
    pool->run(
        [](void* context, int) {
          auto& in = *static_cast<Inside*>(context);
          if (!in.bench.launch(4)) ++in.failed;
        },
        &inside, 3);
    CHECK(inside.failed == 0);
    CHECK(ledger.most_inside <= 3);
    for (int i = 0; i < 4; ++i) CHECK(ledger.items[i] == 3);
  }
}

TEST_CASE("working memory that cannot be had is an error, and the next launch is well") {
  const Bench bench(make_thread_pool(2), 2, true);
  const Result<void> launched = bench.launch(2, std::int64_t{1} << 60);
  REQUIRE(!launched);
  CHECK(launched.error().code == ErrorCode::out_of_memory);
  const Result<void> shared = bench.launch(1, std::int64_t{1} << 60);
  REQUIRE(!shared);
  CHECK(shared.error().code == ErrorCode::out_of_memory);
  ledger.reset();
  CHECK(bench.launch(2));
  CHECK(ledger.items[1] == 1);
}
