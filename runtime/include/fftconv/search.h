// Search: race the candidates of one problem on a device and remember every trial.
#pragma once

#include <functional>
#include <optional>

#include "fftconv/measure.h"
#include "fftconv/plan.h"

namespace fftconv {

struct SearchProgress {
  int done = 0;                 ///< candidates whose trial is known
  int total = 0;                ///< candidates that this search looks at
  const Trial* last = nullptr;  ///< the trial just stored
};

struct SearchOptions {
  Rigor rigor = Rigor::measure;  ///< measure, patient or exhaustive
  double budget_s = 10;          ///< measure and patient stop here; exhaustive does not
  int max_trials = 0;            ///< candidates tried at most, known ones included; 0: candidate_limit()
  MeasurePolicy policy;
  Clock clock;  ///< empty: monotonic_clock()
  std::function<void(const SearchProgress&)> progress;
  std::function<bool()> cancelled;  ///< asked between samples; true ends the search, what is known stays known
  int compile_threads = 2;
  /// Candidates to look at; empty: all. The search then counts as incomplete, and the winner is one of them. The
  /// plain default is always measured.
  std::function<bool(const KernelConfig&)> wanted;
};

struct SearchSummary {
  Problem problem;
  std::optional<Trial> winner;         ///< none where every candidate failed
  std::optional<Trial> plain_default;  ///< where it was measured
  double floor_s = 0;                  ///< floor_seconds()
  double predicted_s = 0;              ///< of the winner, before it was tried
  int calibrated_on = 0;               ///< trials that the ranking rests on; 0: first principles alone
  std::optional<Trial> runner_up;      ///< the fastest of the others
  bool tie = false;                    ///< winner and runner-up are within MeasurePolicy::tie of each other
  /// How much slower than the best of all is what a lesser search had chosen before this exhaustive one (where there
  /// was none: this winner, 0 but for ties), and what was ranked first before any trial of this problem; 0.01 = 1 %.
  /// None where no exhaustive search of it is in the database.
  std::optional<double> regret, regret_of_first;
  SearchRecord record;
  int reused = 0;   ///< trials that were in the database already
  int failed = 0;   ///< compile, launch or result
  int untried = 0;  ///< met no failure of their own: there was no room for them, or no compiler
  int dropped = 0;
  int throttled = 0;  ///< samples thrown away
};

/// How many candidates of a space a rigor tries: measure a twentieth, at least 8; patient a fifth, at least 48;
/// exhaustive all. 0 for a rigor that does not measure.
int candidate_limit(Rigor rigor, int space);

/// Tries the candidate in use and the plain default, then what a Surrogate proposes, which learns from every time;
/// races them in heats, each with the best so far among them; measures finalists again; stores each trial as soon as
/// it is known. Trials already in the database are not repeated. An error of the machine is stored against nobody: a
/// candidate that finds no room, or no compiler, stays untried (the search then counts as incomplete), any other
/// error ends the search. Errors: unsupported where the device cannot measure or no candidate exists,
/// invalid_argument for a rigor that does not measure; those of Runner::prepare(), out_of_memory and
/// dependency_missing where they met all.
Result<SearchSummary> search(Context& context, const Problem& problem, const SearchOptions& options = {});
/// The same with another runner.
Result<SearchSummary> search(Context& context, Runner& runner, const Problem& problem, const SearchOptions& options);

}  // namespace fftconv
