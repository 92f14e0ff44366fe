// sweep: from the command line to the answer.
#include "tune/sweep.h"

#include <fmt/format.h>

#include <algorithm>

#include "fftconv/settings.h"
#include "scale/shard.h"
#include "sizes.h"
#include "tune/commands.h"
#include "tune/interrupt.h"
#include "tune/sweep_record.h"

namespace fftconv::tools {
namespace {

constexpr double kSecondsPerProblem = 10;

Result<MeasurePolicy> parse_policy(const std::string& text) {
  for (const bool cold : {true, false}) {
    const MeasurePolicy policy{.cold = cold};
    if (text == to_string(policy)) return policy;
  }
  return invalid(fmt::format("'{}' is no policy; give cold or hot", text));
}

Result<WorkerLimits> limits_of(const TuneOptions& options) {
  WorkerLimits limits{.compile_s = options.compile_limit_s, .run_s = options.run_limit_s};
  for (const double seconds : {limits.compile_s, limits.run_s}) {
    if (!(seconds > 0)) return invalid(fmt::format("a limit of {} s lets no candidate run", seconds));
  }
  if (options.memory_limit.empty()) return limits;
  const auto bytes = parse_size(options.memory_limit, "memory limit");
  if (!bytes) return bytes.error();
  if (*bytes < 1) return invalid("a memory limit of 0 bytes lets no worker start; leave it out for the default");
  limits.memory_bytes = *bytes;
  return limits;
}

}  // namespace

Result<SweepJob> make_job(const TuneOptions& options, const DeviceFacts& facts, int searchers) {
  SweepJob job;
  const auto rigor = parse_rigor(options.rigor);
  if (!rigor) return rigor.error();
  if (*rigor != Rigor::measure && *rigor != Rigor::patient && *rigor != Rigor::exhaustive) {
    return invalid(fmt::format("rigor '{}' measures nothing; give measure, patient or exhaustive", options.rigor));
  }
  const auto policy = parse_policy(options.policy);
  if (!policy) return policy.error();
  const auto orders = parse_orders(options.order);
  if (!orders) return orders.error();
  auto problems = problems_to_tune(options, facts);
  if (!problems) return problems.error();
  if (options.budget_s < 0) return invalid(fmt::format("a budget of {} s is less than nothing", options.budget_s));
  if (options.budget_s > 0 && *rigor == Rigor::exhaustive) {
    return invalid(
        "an exhaustive search tries every candidate, however long that takes; leave out --budget, or give "
        "--rigor patient");
  }
  if (options.trials < 0) return invalid(fmt::format("{} trials are less than none", options.trials));
  const auto limits = limits_of(options);
  if (!limits) return limits.error();
  const auto shard = parse_shard(options.shard, settings().launcher);
  if (!shard) return shard.error();
  job.problems = problems_of_shard(*problems, *shard);
  job.trials = options.trials;
  job.policy = *policy;
  job.in_process = options.in_process;
  job.details = options.details;
  job.limits = *limits;
  job.orders = *orders;
  job.rigor = *rigor;
  const double rounds = static_cast<double>(job.problems.size()) / std::max(1, searchers);
  job.budget_s = options.budget_s > 0 ? options.budget_s : kSecondsPerProblem * std::max(1.0, rounds);
  return job;
}

double io_bytes(const Problem& problem) {
  return 2.0 * static_cast<double>(problem.batch * problem.channels) * static_cast<double>(problem.seqlen) *
         static_cast<double>(size_of(problem.io));
}

namespace {

/// Those that measure. Errors: invalid_argument for the simulated device, which has no clock.
Result<void> check_measures(const std::vector<Target>& targets) {
  for (const Target& target : targets) {
    if (target.facts.kind != DeviceKind::sim) continue;
    return invalid("the simulated device has no clock and measures nothing; give --device cuda --arch " +
                   target.facts.arch + " to compile and rank, or use fftconv-inspect simulate");
  }
  return {};
}

Result<std::vector<std::shared_ptr<Context>>> open_contexts(const std::vector<Target>& targets,
                                                            const Console& console) {
  std::vector<std::shared_ptr<Context>> contexts;
  for (const Target& target : targets) {
    auto context = Context::create(target.device, {.log = [&](const std::string& line) { console.note(line); }});
    if (!context) return context.error();
    contexts.push_back(std::move(*context));
  }
  return contexts;
}

}  // namespace

int conclude(const TuneOptions& options, const SweepAnswer& answer, int stopped, const Console& console) {
  if (stopped != 0) console.note("stopped; what was measured is kept, and fftconv-tune resume goes on from there");
  const int status = finish(console, options.json ? dump(answer.json) : answer.table);
  if (stopped != 0) return 128 + stopped;
  return status != 0 ? status : answer.failed > 0 ? 1 : 0;
}

int sweep(const TuneOptions& options, const Console& console) {
  const auto ranks = by_ranks(options, settings().launcher);
  if (!ranks) return console.fail(ranks.error());
  if (*ranks) return sweep_ranks(options, console);
  const auto targets = open_targets(options.machine);
  if (!targets) return console.fail(targets.error());
  if (const auto measures = check_measures(*targets); !measures) return console.fail(measures.error());
  const Target& target = targets->front();
  const auto job = make_job(options, target.facts, static_cast<int>(targets->size()));
  if (!job) return console.fail(job.error());
  if (job->problems.empty()) {
    console.note(fmt::format("shard {} has none of the problems", options.shard));
    return 0;
  }
  SweepAnswer answer;
  int stopped = 0;
  if (target.device) {
    // Minutes of measuring that nothing would remember are not begun.
    const auto record = begin_record(options, *job, console);
    if (!record) return console.fail(record.error());
    const Interruptible stoppable;
    const auto contexts = open_contexts(*targets, console);
    if (!contexts) return console.fail(contexts.error());
    answer = measure_all(*contexts, *job, console);
    stopped = interrupted();
    if (stopped == 0) {
      if (const auto ended = end_record(*record, console); !ended) return console.fail(ended.error());
    }
  } else {
    console.note(
        fmt::format("compiling and ranking for {}, measuring nothing: {}", target.facts.arch, target.why_absent));
    answer = rank_all(target, *job, console);
  }
  return conclude(options, answer, stopped, console);
}

}  // namespace fftconv::tools
