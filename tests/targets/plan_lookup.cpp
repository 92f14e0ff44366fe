// A plan that is in memory, with 10,000 problems in the database and in memory: what plan() costs then.
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
#include "target.h"

namespace {

using namespace fftconv;
using Clock = std::chrono::steady_clock;

constexpr int kProblems = 10'000;
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
      if (!database.put(trial)) return void(good = false);
    }
  });
  return good;
}

/// Nanoseconds a plan, the median over passes through all problems in an order that caches do not know.
double lookup_ns(Context& context, const std::vector<Problem>& problems) {
  std::vector<double> passes;
  for (int pass = 0; pass < kPasses; ++pass) {
    int found = 0;
    const auto begin = Clock::now();
    for (const Problem& problem : problems) found += context.plan(problem).ok();
    passes.push_back(1e9 * seconds_since(begin) / kProblems);
    if (found != kProblems) return -1;
  }
  std::nth_element(passes.begin(), passes.begin() + kPasses / 2, passes.end());
  return passes[kPasses / 2];
}

}  // namespace

int main() {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("fftconv-target-{}", std::random_device{}());
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  double one = -1, two = -1, first_us = -1;
  {
    auto context = Context::create(make_fake_device({}), {.cache_directory = folder});
    const auto problems = make_problems();
    if (context && fill(**context, problems)) {
      const auto begin = Clock::now();
      for (const Problem& problem : problems) static_cast<void>((*context)->plan(problem));
      first_us = 1e6 * seconds_since(begin) / kProblems;
      one = lookup_ns(**context, problems);
      std::thread other([&] { static_cast<void>(lookup_ns(**context, problems)); });
      two = lookup_ns(**context, problems);
      other.join();
    }
  }
  std::filesystem::remove_all(folder);
  if (one < 0) return 1;
  const auto note =
      fmt::format("median of {} passes over {} problems in random order; beside a second thread {:.0f} ns; the first "
                  "plan of each problem, from the database, {:.0f} us",
                  kPasses, kProblems, two, first_us);
  return fftconv::targets::report("plan_lookup", one, fftconv::targets::Goal::at_most, 300, "ns", note) ? 0 : 1;
}
