// sweep: from the command line to the answer.
#include "tune/sweep.h"

#include <fmt/format.h>

#include "tune/commands.h"
#include "tune/interrupt.h"
#include "tune/sweep_record.h"

namespace fftconv::tools {
namespace {

constexpr double kSecondsPerProblem = 10;

Result<SweepJob> make_job(const TuneOptions& options, const Target& target) {
  SweepJob job;
  const auto rigor = parse_rigor(options.rigor);
  if (!rigor) return rigor.error();
  if (*rigor != Rigor::measure && *rigor != Rigor::patient && *rigor != Rigor::exhaustive) {
    return invalid(fmt::format("rigor '{}' measures nothing; give measure, patient or exhaustive", options.rigor));
  }
  const auto orders = parse_orders(options.order);
  if (!orders) return orders.error();
  auto problems = problems_to_tune(options, target.facts);
  if (!problems) return problems.error();
  if (options.budget_s < 0) return invalid(fmt::format("a budget of {} s is less than nothing", options.budget_s));
  if (options.trials < 0) return invalid(fmt::format("{} trials are less than none", options.trials));
  job.problems = std::move(*problems);
  job.trials = options.trials;
  job.in_process = options.in_process;
  job.orders = *orders;
  job.rigor = *rigor;
  job.budget_s =
      options.budget_s > 0 ? options.budget_s : kSecondsPerProblem * static_cast<double>(job.problems.size());
  return job;
}

}  // namespace

double io_bytes(const Problem& problem) {
  return 2.0 * static_cast<double>(problem.batch * problem.channels) * static_cast<double>(problem.seqlen) *
         static_cast<double>(size_of(problem.io));
}

int sweep(const TuneOptions& options, const Console& console) {
  const auto target = open_target(options.machine);
  if (!target) return console.fail(target.error());
  if (target->facts.kind == DeviceKind::sim) {
    return console.fail(invalid("the simulated device has no clock and measures nothing; give --device cuda --arch " +
                                target->facts.arch + " to compile and rank, or use fftconv-inspect simulate"));
  }
  const auto job = make_job(options, *target);
  if (!job) return console.fail(job.error());
  SweepAnswer answer;
  int stopped = 0;
  if (target->device) {
    // Minutes of measuring that nothing would remember are not begun.
    const auto record = begin_record(options, *job, console);
    if (!record) return console.fail(record.error());
    const Interruptible stoppable;
    auto context = Context::create(target->device, {.log = [&](const std::string& line) { console.note(line); }});
    if (!context) return console.fail(context.error());
    answer = measure_all(**context, *job, console);
    stopped = interrupted();
    if (stopped != 0) {
      console.note("stopped; what was measured is kept, and fftconv-tune resume goes on from there");
    } else if (const auto ended = end_record(*record, console); !ended) {
      return console.fail(ended.error());
    }
  } else {
    console.note(
        fmt::format("compiling and ranking for {}, measuring nothing: {}", target->facts.arch, target->why_absent));
    answer = rank_all(*target, *job, console);
  }
  const int status = finish(console, options.json ? dump(answer.json) : answer.table);
  if (stopped != 0) return 128 + stopped;
  return status != 0 ? status : answer.failed > 0 ? 1 : 0;
}

}  // namespace fftconv::tools
