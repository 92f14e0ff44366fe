// The CPU device's threads: every item once, whoever asks, and nothing hangs in a forked process.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <thread>

#include "child_process.h"
#include "cpu/scratch.h"
#include "cpu/worker_pool.h"

using namespace fftconv;

namespace {

struct Tally {
  std::vector<std::atomic<int>> times;
  std::atomic<int> misaligned{0};
  explicit Tally(std::size_t items) : times(items) {}
  bool each_once() const {
    for (const auto& count : times) {
      if (count != 1) return false;
    }
    return true;
  }
};

void tally(const void* context, std::int64_t first, std::int64_t last, float* scratch) {
  auto& counts = *static_cast<Tally*>(const_cast<void*>(context));
  if (reinterpret_cast<std::uintptr_t>(scratch) % 64 != 0) ++counts.misaligned;
  for (std::int64_t i = first; i < last; ++i) {
    ++counts.times[static_cast<std::size_t>(i)];
    scratch[0] = static_cast<float>(i);
    scratch[255] = static_cast<float>(i);
  }
}

}  // namespace

TEST_CASE("every item runs once for any number of threads and items") {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (std::int64_t items : {1, 2, 3, 7, 100, 12345}) {
      Tally counts(static_cast<std::size_t>(items));
      CHECK(pool.run(tally, &counts, items, 1024));
      CHECK(counts.each_once());
      CHECK(counts.misaligned == 0);
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
        Tally counts(17);
        if (!pool.run(tally, &counts, 17, 1024) || !counts.each_once()) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("one item goes to each thread when asked") {
  ThreadPool pool(4);
  Tally counts(4);
  const auto mark = [](const void* context, std::int64_t first, std::int64_t, float*) {
    ++static_cast<Tally*>(const_cast<void*>(context))->times[static_cast<std::size_t>(first)];
  };
  CHECK(pool.run_on_each(mark, &counts));
  CHECK(counts.each_once());
}

TEST_CASE("a forked process does its work without the threads of its parent") {
  ThreadPool pool(3);
  Tally before(100);
  REQUIRE(pool.run(tally, &before, 100, 1024));
  CHECK(test::in_child([&pool] {
          alarm(20);
          Tally counts(100);
          return pool.run(tally, &counts, 100, 1024) && counts.each_once() ? 0 : 1;
        }) == 0);
}

TEST_CASE("scratch memory stays where it is until more is needed") {
  float* small = thread_scratch(1000);
  CHECK(thread_scratch(500) == small);
  float* large = thread_scratch(std::size_t{5} << 20);
  REQUIRE(large != nullptr);
  large[(std::size_t{5} << 18) - 1] = 1;
  CHECK(thread_scratch(1000) == large);
}

TEST_CASE("scratch memory that cannot be had is reported") {
  ThreadPool pool(2);
  Tally counts(10);
  CHECK_FALSE(pool.run(tally, &counts, 10, std::numeric_limits<std::size_t>::max() / 4));
  CHECK(pool.run(tally, &counts, 10, 1024));  // and the pool lives on
}
