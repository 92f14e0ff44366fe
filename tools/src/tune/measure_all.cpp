#include <fmt/format.h>

#include <map>

#include "database.h"
#include "fftconv/tuner.h"
#include "fftconv/worker.h"
#include "scale/measure_lock.h"
#include "tune/interrupt.h"
#include "tune/sweep.h"
#include "tune/sweep_report.h"

namespace fftconv::tools {
namespace {

using Contexts = std::vector<std::shared_ptr<Context>>;
using MakeRunner = std::function<Result<std::unique_ptr<Runner>>(Context&, const Problem&)>;

/// A pool of worker processes for each context: a process keeps the device that it opened first.
MakeRunner worker_runners(const Contexts& contexts, const MeasurePolicy& policy, const WorkerLimits& limits,
                          const Console& console) {
  std::map<const Context*, std::shared_ptr<WorkerPool>> pools;
  for (const auto& context : contexts) {
    const auto pool = make_worker_pool({.program = {}, .limits = limits});
    if (!pool) {
      console.note("candidates run in this process, where one that crashes ends the sweep: " + pool.error().message);
      return {};
    }
    pools[context.get()] = *pool;
  }
  return [pools, policy](Context& context, const Problem& problem) {
    return make_worker_runner(pools.at(&context), context, problem, policy);
  };
}

}  // namespace

SweepOptions sweep_options(const Contexts& contexts, const SweepJob& job, const Console& console) {
  SweepOptions options;
  options.rigor = job.rigor;
  options.budget_s = job.budget_s;
  options.max_trials = job.trials;
  options.policy = job.policy;
  MakeRunner inner;
  if (!job.in_process) inner = worker_runners(contexts, options.policy, job.limits, console);
  if (!inner) {
    inner = [policy = options.policy](Context& context, const Problem& problem) {
      return make_runner(context, problem, policy);
    };
  }
  options.runner = take_turns(std::move(inner), tuning_db_file().parent_path(), console);
  options.cancelled = [] { return interrupted() != 0; };
  if (!job.orders.empty()) {
    options.wanted = [orders = job.orders](const KernelConfig& config) { return has_order(config, orders); };
  }
  return options;
}

SweepAnswer measure_all(const Contexts& contexts, const SweepJob& job, const Console& console) {
  SweepReport report(job, console);
  SweepOptions options = sweep_options(contexts, job, console);
  options.progress = [&](const SweepProgress& step) {
    report.step(step);
    if (!step.finished) return;
    contexts.front()->with_database([&](TuningDb& database) { report.add(*step.finished, database); });
  };
  fftconv::sweep(contexts, job.problems, options);
  return report.answer(environment_under(*contexts.front(), job.policy));
}

}  // namespace fftconv::tools
