#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "fftconv/nvrtc.h"
#include "fftconv/search_space.h"
#include "progress.h"
#include "table.h"
#include "tune/sweep.h"

namespace fftconv::tools {
namespace {

/// How many of the model's first choices are compiled.
std::size_t compiled_by(Rigor rigor) {
  return rigor == Rigor::exhaustive ? static_cast<std::size_t>(-1) : rigor == Rigor::patient ? 8 : 2;
}

struct Compiled {
  Ranked ranked;
  CompiledKernel kernel;
};

struct RankedProblem {
  std::vector<Compiled> compiled;  ///< by prediction
  std::size_t candidates = 0;
  double default_s = 0;
  double floor_s = 0;
};

Result<RankedProblem> rank_one(const Problem& problem, const Target& target, const SweepJob& job, double budget_s) {
  const auto ranked = rank_of_orders(problem, target.facts, job.orders);
  if (!ranked) return ranked.error();
  RankedProblem result;
  result.candidates = ranked->size();
  result.floor_s = floor_seconds(problem, target.facts);
  if (const auto plain = default_config(problem, target.facts)) {
    result.default_s = predict(problem, *plain, target.facts).total_s;
  }
  const auto start = std::chrono::steady_clock::now();
  Error last{ErrorCode::internal, "nothing was compiled"};
  for (const Ranked& candidate : *ranked) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const bool any = !result.compiled.empty(), late = job.rigor != Rigor::exhaustive && elapsed.count() > budget_s;
    if (result.compiled.size() >= compiled_by(job.rigor) || (any && late)) break;
    const auto source = emit(problem, candidate.config, target.facts);
    if (!source) {
      last = source.error();
      continue;
    }
    auto kernel = nvrtc_compile(*source, target.facts.arch, BinaryFormat::cubin);
    if (!kernel) {
      last = kernel.error();
      if (last.code == ErrorCode::dependency_missing) return last;
      continue;
    }
    result.compiled.push_back({candidate, std::move(*kernel)});
  }
  if (result.compiled.empty()) return last;
  return result;
}

Json row_json(const Problem& problem, const RankedProblem& result) {
  Json json{{"problem", to_json(problem)},
            {"candidates", result.candidates},
            {"floor_s", number(result.floor_s)},
            {"default_predicted_s", number(result.default_s)},
            {"compiled", Json::array()}};
  for (const Compiled& compiled : result.compiled) {
    json["compiled"].push_back({{"config", to_string(compiled.ranked.config)},
                                {"predicted", to_json(compiled.ranked.cost)},
                                {"registers", compiled.kernel.registers},
                                {"spill_bytes", compiled.kernel.spill_bytes},
                                {"compile_s", number(compiled.kernel.compile_s)}});
  }
  return json;
}

}  // namespace

SweepAnswer rank_all(const Target& target, const SweepJob& job, const Console& console) {
  SweepAnswer answer;
  answer.json = {{"facts", to_json(target.facts)},
                 {"measured", false},
                 {"why_not_measured", target.why_absent},
                 {"problems", Json::array()}};
  Table table({{"problem"},
               {"first choice of the model"},
               {"predicted", Align::right},
               {"predicted default", Align::right},
               {"predicted floor", Align::right},
               {"over floor", Align::right},
               {"bound by"},
               {"registers", Align::right},
               {"spills", Align::right},
               {"candidates", Align::right}});
  Progress progress(console.tool(), static_cast<int>(job.problems.size()));
  const double share = job.budget_s / static_cast<double>(job.problems.size());
  for (const Problem& problem : job.problems) {
    progress.begin(to_string(problem));
    const auto result = rank_one(problem, target, job, share);
    if (!result) {
      ++answer.failed;
      answer.json["problems"].push_back({{"problem", to_json(problem)}, {"failed", result.error().message}});
      progress.note(fmt::format("error: {}: {}", to_string(problem), result.error().message));
      progress.finish("failed");
      continue;
    }
    const Compiled& first = result->compiled.front();
    const Cost& cost = first.ranked.cost;
    table.add({to_string(problem), to_string(first.ranked.config), show_seconds(cost.total_s),
               show_seconds(result->default_s), show_seconds(result->floor_s),
               show_ratio(cost.total_s / result->floor_s), cost.bound, fmt::format("{}", first.kernel.registers),
               fmt::format("{} B", first.kernel.spill_bytes), fmt::format("{}", result->candidates)});
    answer.json["problems"].push_back(row_json(problem, *result));
    progress.finish(fmt::format("{} compiled, {} predicted", result->compiled.size(), show_seconds(cost.total_s)));
  }
  if (!table.empty()) answer.table = table.text() + "all times are predictions: nothing was measured\n";
  return answer;
}

}  // namespace fftconv::tools
