// The threads of the CPU device's own pool: every task once, whoever asks, and nothing hangs in a forked process.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "child_process.h"
#include "cpu/scratch.h"
#include "cpu/thread_pool.h"

using namespace fftconv;

namespace {

struct Tally {
  std::vector<std::atomic<int>> times;
  explicit Tally(int tasks) : times(static_cast<std::size_t>(tasks)) {}
  bool each_once() const {
    for (const auto& count : times) {
      if (count != 1) return false;
    }
    return true;
  }
};

void tally(void* context, int index) { ++static_cast<Tally*>(context)->times[static_cast<std::size_t>(index)]; }

}  // namespace

TEST_CASE("every task runs once for any number of threads and tasks") {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (int tasks : {0, 1, 2, 3, 7, 100}) {
      for (int repeat = 0; repeat < 50; ++repeat) {
        Tally counts(tasks);
        pool.run(tally, &counts, tasks);
        REQUIRE(counts.each_once());
      }
    }
  }
}

TEST_CASE("callers at the same time all get their work done") {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        Tally counts(3);
        pool.run(tally, &counts, 3);
        if (!counts.each_once()) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("tasks run on several threads at once") {
  ThreadPool pool(3);
  std::atomic<int> arrived{0};
  const auto meet = [](void* context, int) {  // returns only when all three are here
    auto& here = *static_cast<std::atomic<int>*>(context);
    ++here;
    while (here < 3) std::this_thread::yield();
  };
  pool.run(meet, &arrived, 3);
  CHECK(arrived == 3);
}

TEST_CASE("a task has the pool's threads no second time") {
  struct Inside {
    ThreadPool pool{3};
    std::atomic<int> most_threads{0}, elsewhere{0};
  } inside;
  const auto nested = [](void* context, int) {
    auto& in = *static_cast<Inside*>(context);
    if (in.pool.threads() > in.most_threads) in.most_threads = in.pool.threads();
    struct Home {
      std::thread::id thread;
      std::atomic<int>* elsewhere;
    } home{std::this_thread::get_id(), &in.elsewhere};
    const auto look = [](void* where, int) {
      const Home& at = *static_cast<Home*>(where);
      if (std::this_thread::get_id() != at.thread) ++*at.elsewhere;
    };
    in.pool.run(look, &home, 3);
  };
  inside.pool.run(nested, &inside, 3);
  CHECK(inside.most_threads == 1);
  CHECK(inside.elsewhere == 0);
  CHECK(inside.pool.threads() == 3);
}

TEST_CASE("a forked process does its work without the threads of its parent") {
  ThreadPool pool(3);
  Tally before(3);
  pool.run(tally, &before, 3);
  CHECK(test::in_child([&pool] {
          alarm(20);
          Tally counts(3);
          pool.run(tally, &counts, 3);
          return pool.threads() == 1 && counts.each_once() ? 0 : 1;
        }) == 0);
}

TEST_CASE("scratch memory stays where it is until more is needed") {
  float* small = thread_scratch(1000);
  CHECK(reinterpret_cast<std::uintptr_t>(small) % 64 == 0);
  CHECK(thread_scratch(500) == small);
  float* large = thread_scratch(std::size_t{5} << 20);
  REQUIRE(large != nullptr);
  large[(std::size_t{5} << 18) - 1] = 1;
  CHECK(thread_scratch(1000) == large);
}

TEST_CASE("scratch memory that cannot be had is reported") {
  CHECK(thread_scratch(std::numeric_limits<std::size_t>::max() / 4) == nullptr);
  CHECK(thread_scratch(1024) != nullptr);  // and the next one is there
}
