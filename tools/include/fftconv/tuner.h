// Tuner: searches for many problems within one budget, the part that every front end shares.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fftconv/problem_source.h"
#include "fftconv/search.h"

namespace fftconv {

struct SweepRow {
  Problem problem;
  Environment environment;  ///< in which it was searched; its policy is that of the times
  Result<SearchSummary> summary;
  std::string why_no_winner;  ///< one sentence where there is none
};

struct SweepProgress {
  std::size_t problem = 0;  ///< finished before, by all searchers
  std::size_t problems = 0;
  int searcher = 0;  ///< who has the current one: the place of its context among those of the sweep
  const Problem* current = nullptr;
  int done = 0;              ///< candidates of this problem whose trial is known
  int total = 0;             ///< 0 before the first is known
  double seconds_left = -1;  ///< at the pace so far, never more than what is left of the budget; -1 = unknown
  const SweepRow* finished = nullptr;  ///< where the problem has just been done, well or not
};

struct SweepOptions {
  Rigor rigor = Rigor::measure;
  double budget_s = 0;  ///< of all problems together; 0: 10 s for each
  int max_trials = 0;   ///< of each problem, as SearchOptions::max_trials
  MeasurePolicy policy;
  std::function<bool(const KernelConfig&)> wanted;     ///< as SearchOptions::wanted
  Clock clock;                                         ///< empty: monotonic_clock()
  std::function<void(const SweepProgress&)> progress;  ///< one call at a time
  std::function<bool()> cancelled;                     ///< asked from each searcher's thread
  /// Who compiles, checks and times; empty: make_runner(), in this process. Called from each searcher's thread.
  std::function<Result<std::unique_ptr<Runner>>(Context&, const Problem&)> runner;
};

/// What trials timed in `context` under `policy` are stored with.
Environment environment_under(const Context& context, const MeasurePolicy& policy);

/// Searches what `source` gives until it gives no more, each within its share of the time that is left. A problem
/// that fails costs its own row. Trials are stored as soon as they are known, and those in the database are not
/// repeated: a sweep that was interrupted goes on where it stopped. Problems not begun when `cancelled` says so have
/// no row. Rows are those of this searcher, in the order in which they were finished.
std::vector<SweepRow> sweep(Context& context, ProblemSource& source, const SweepOptions& options = {});

/// The same for a list.
std::vector<SweepRow> sweep(Context& context, const std::vector<Problem>& problems, const SweepOptions& options = {});

/// On several devices of this process, a thread for each. Devices of one environment (model, driver, compiler) share
/// the list; what is fastest on one model says nothing of another, so that each distinct environment searches the
/// whole list. Rows are in the order of the contexts' environments, then of the list.
std::vector<SweepRow> sweep(const std::vector<std::shared_ptr<Context>>& contexts,
                            const std::vector<Problem>& problems, const SweepOptions& options = {});

}  // namespace fftconv
