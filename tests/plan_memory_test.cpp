// PlanMemory: plans by problem and effort, read while others write.
#include "plan_memory.h"

#include <doctest/doctest.h>

#include <random>
#include <thread>

#include "fake_bench.h"

namespace fftconv {
namespace {

Plan plan_named(const std::string& name) {
  auto state = std::make_shared<Plan::State>();
  state->reason = name;
  return Plan(std::move(state));
}

}  // namespace

TEST_CASE("a plan serves requests of its own effort and less, and gives way to one of more") {
  PlanMemory memory;
  CHECK_FALSE(memory.find(small_problem(), 0));
  memory.put(small_problem(), 1, plan_named("measured"));
  CHECK(memory.find(small_problem(), 0)->state().reason == "measured");
  CHECK(memory.find(small_problem(), 1));
  CHECK_FALSE(memory.find(small_problem(), 2));
  memory.put(small_problem(), 0, plan_named("estimated later"));
  CHECK(memory.find(small_problem(), 0)->state().reason == "measured");
  memory.put(small_problem(), 2, plan_named("patient"));
  CHECK(memory.find(small_problem(), 0)->state().reason == "patient");
  CHECK(memory.find_any(small_problem())->state().reason == "patient");
  Problem other = small_problem();
  other.kept[3] = 1;
  CHECK_FALSE(memory.find_any(other));
}

TEST_CASE("readers find what is there while thousands of plans are added and replaced") {
  constexpr int kProblems = 5000;
  PlanMemory memory;
  std::atomic<int> added = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (unsigned reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&, reader] {
      std::mt19937 random(reader);
      while (added < kProblems) {
        const int there = added;
        if (there == 0) continue;
        const auto wanted = static_cast<int>(random() % static_cast<unsigned>(there));
        const auto plan = memory.find(small_problem(1 + wanted), 0);
        if (!plan || plan->state().reason != std::to_string(1 + wanted)) ++wrong;
      }
    });
  }
  for (int i = 0; i < kProblems; ++i) {
    memory.put(small_problem(1 + i), i % 3, plan_named(std::to_string(1 + i)));
    memory.put(small_problem(1 + i), i % 2, plan_named(std::to_string(1 + i)));
    added = i + 1;
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
}

}  // namespace fftconv
