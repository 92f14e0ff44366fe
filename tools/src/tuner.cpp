#include "fftconv/tuner.h"

#include <fmt/format.h>

#include <algorithm>

namespace fftconv {
namespace {

constexpr double kSecondsEach = 10;
constexpr double kLeastBudget = 0.1;  // seconds: a problem late in a sweep that overran still gets its first samples

// What one searcher does: asks the source, searches, reports.
class Sweep {
 public:
  Sweep(Context& context, ProblemSource& source, const SweepOptions& options)
      : context_(context),
        source_(source),
        options_(options),
        clock_(options.clock ? options.clock : monotonic_clock()),
        budget_s_(options.budget_s > 0 ? options.budget_s : kSecondsEach * static_cast<double>(source.problems())),
        start_(clock_()) {}

  std::vector<SweepRow> run() {
    std::vector<SweepRow> rows;
    while (!(options_.cancelled && options_.cancelled())) {
      const std::optional<Assignment> assignment = source_.next();
      if (!assignment) break;
      SweepProgress progress{
          .problem = source_.finished(), .problems = source_.problems(), .current = &assignment->problem};
      report(progress);
      Result<SearchSummary> summary = search_one(*assignment, progress);
      std::string why;
      if (!summary) why = summary.error().message;
      if (summary && !summary->winner) why = first_reason(*summary);
      rows.push_back(
          {assignment->problem, environment_under(context_, options_.policy), std::move(summary), std::move(why)});
      source_.done(*assignment, rows.back());
      progress.finished = &rows.back();
      progress.done = progress.total = std::max(progress.total, 1);
      report(progress);
    }
    return rows;
  }

 private:
  double elapsed() const { return clock_() - start_; }

  Result<SearchSummary> search_one(const Assignment& assignment, SweepProgress& progress) {
    SearchOptions options{.rigor = options_.rigor, .policy = options_.policy, .clock = clock_};
    options.budget_s = std::max(kLeastBudget, (budget_s_ - elapsed()) * assignment.share);
    options.max_trials = options_.max_trials;
    options.wanted = options_.wanted;
    options.cancelled = options_.cancelled;
    options.progress = [&](const SearchProgress& step) {
      if (step.last) source_.learned(*step.last);
      progress.done = step.done;
      progress.total = step.total;
      report(progress);
    };
    if (!options_.runner) return search(context_, assignment.problem, options);
    Result<std::unique_ptr<Runner>> runner = options_.runner(context_, assignment.problem);
    if (!runner) return runner.error();
    return search(context_, **runner, assignment.problem, options);
  }

  void report(SweepProgress& progress) {
    if (!options_.progress) return;
    const double part = progress.total > 0 ? static_cast<double>(progress.done) / progress.total : 0;
    const double done = static_cast<double>(progress.problem) + part;
    const double to_come = static_cast<double>(progress.problems) - done;
    progress.seconds_left = done > 0 ? elapsed() / done * to_come : -1;
    if (options_.rigor != Rigor::exhaustive && progress.seconds_left >= 0) {
      progress.seconds_left = std::min(progress.seconds_left, std::max(0.0, budget_s_ - elapsed()));
    }
    options_.progress(progress);
  }

  std::string first_reason(const SearchSummary& summary) {
    std::string reason = "No candidate could be measured within the budget: raise it.";
    const Environment environment = environment_under(context_, options_.policy);
    context_.with_database([&](TuningDb& database) {
      for (const Trial& trial : database.trials(environment, summary.problem)) {
        if (trial.measurement.reason.empty()) continue;
        reason = fmt::format("All {} candidates failed; {}: {}", summary.failed, to_string(trial.config),
                             trial.measurement.reason);
        return;
      }
    });
    return reason;
  }

  Context& context_;
  ProblemSource& source_;
  const SweepOptions& options_;
  Clock clock_;
  double budget_s_;
  double start_;
};

}  // namespace

Environment environment_under(const Context& context, const MeasurePolicy& policy) {
  Environment environment = context.environment();
  environment.policy = to_string(policy);
  return environment;
}

std::vector<SweepRow> sweep(Context& context, ProblemSource& source, const SweepOptions& options) {
  return Sweep(context, source, options).run();
}

std::vector<SweepRow> sweep(Context& context, const std::vector<Problem>& problems, const SweepOptions& options) {
  const auto source = make_list_source(problems);
  return sweep(context, *source, options);
}

}  // namespace fftconv
