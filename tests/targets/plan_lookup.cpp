// A plan that is in memory, with 10,000 problems in the database: what plan() costs then, over the first thousand
// planned; and what finding a plan costs with 10,000 in memory, put there without planning each.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "fftconv/fake_device.h"
#include "fftconv/plan.h"
#include "fftconv/search_space.h"
#include "plan_memory.h"
#include "target.h"

namespace {

using namespace fftconv;
using Clock = std::chrono::steady_clock;

constexpr int kProblems = 10'000;
constexpr int kPlanned = 1'000;
constexpr int kPasses = 31;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::vector<Problem> make_problems() {
  std::vector<Problem> problems;
  for (int i = 0; i < kProblems; ++i) {
    Problem problem;
    problem.seqlen = problem.filter_len = 64 + i % 50;  // a hundred batches and channels of each of fifty lengths …
    problem.batch = 1 + i / 50 % 20;
    problem.channels = 1 + i / 1000;
    problem.io = DataType::f16;
    problem.precision = Precision::f16;
    problems.push_back(problem);
  }
  std::shuffle(problems.begin(), problems.end(), std::mt19937(1));
  return problems;
}

bool fill(Context& context, const std::vector<Problem>& problems) {
  bool good = true;
  context.with_database([&](TuningDb& database) {
    for (const Problem& problem : problems) {
      const auto config = default_config(problem, context.device().facts());
      if (!config) return void(good = false);
      Trial trial{.environment = context.environment(), .problem = problem, .config = *config, .unix_time = 1};
      trial.measurement.samples = {1e-5};
      trial.measurement.lower_quartile = trial.measurement.median = trial.measurement.upper_quartile = 1e-5;
      trial.measurement.error = 1e-4;  // one that was not checked is not chosen
      if (!database.put(trial)) return void(good = false);
    }
  });
  return good;
}

/// Nanoseconds a problem, the median over passes through them in an order that caches do not know.
template <class Find>
double lookup_ns(const std::vector<Problem>& problems, const Find& find) {
  std::vector<double> passes;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::size_t found = 0;
    const auto begin = Clock::now();
    for (const Problem& problem : problems) found += find(problem) ? 1 : 0;
    passes.push_back(1e9 * seconds_since(begin) / static_cast<double>(problems.size()));
    if (found != problems.size()) return -1;
  }
  std::nth_element(passes.begin(), passes.begin() + kPasses / 2, passes.end());
  return passes[kPasses / 2];
}

}  // namespace

int main() {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("fftconv-target-{}", std::random_device{}());
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  double one = -1, two = -1, large = -1, first_us = -1;
  {
    auto context = Context::create(make_fake_device({}), {.cache_directory = folder});
    const auto problems = make_problems();
    if (context && fill(**context, problems)) {
      const std::vector<Problem> planned(problems.begin(), problems.begin() + kPlanned);
      const auto begin = Clock::now();
      for (const Problem& problem : planned) static_cast<void>((*context)->plan(problem));
      first_us = 1e6 * seconds_since(begin) / kPlanned;
      const auto plan = [&](const Problem& problem) { return (*context)->plan(problem).ok(); };
      one = lookup_ns(planned, plan);
      std::thread other([&] { static_cast<void>(lookup_ns(planned, plan)); });
      two = lookup_ns(planned, plan);
      other.join();
      PlanMemory memory;
      for (const Problem& problem : problems) memory.put(problem, 0, Plan(std::make_shared<Plan::State>()));
      large = lookup_ns(problems, [&](const Problem& problem) { return memory.find(problem, 0).has_value(); });
    }
  }
  std::filesystem::remove_all(folder);
  if (one < 0 || large < 0) return 1;
  const auto note = fmt::format(
      "the slower of {:.0f} ns for plan() over {} problems and {:.0f} ns for the memory with {}, in random order, "
      "medians of {} passes; plan() beside a second thread {:.0f} ns; first plan of a problem, from the database, "
      "{:.0f} us",
      one, kPlanned, large, kProblems, kPasses, two, first_us);
  return fftconv::targets::report("plan_lookup", std::max(one, large), fftconv::targets::Goal::at_most, 300, "ns",
                                  note)
             ? 0
             : 1;
}
