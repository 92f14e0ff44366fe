// The state of one search, in four files: search.cpp goes from what is known to what is kept, heats.cpp times
// candidates, finals.cpp finds the winner among the fastest, summary.cpp tells what came of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fftconv/cost_model.h"
#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/surrogate.h"
#include "search/compile_ahead.h"
#include "search/levels.h"
#include "search/quiet_race.h"

namespace fftconv {

/// Candidates that hold device memory at a time.
inline constexpr std::size_t kHeat = 8;
/// Candidates up to so many ties slower than the best in their heats may be the fastest all the same.
inline constexpr double kCloseTies = 10;

inline bool won_or_ran(const Trial& trial) { return trial.measurement.status == TrialStatus::measured; }

/// One search of one problem, from what the database knows to what it is told.
class Search {
 public:
  Search(Context& context, Runner& runner, const Problem& problem, const SearchOptions& options)
      : context_(context),
        runner_(runner),
        problem_(problem),
        options_(options),
        facts_(context.device().facts()),
        environment_(context.environment()),
        clock_(options.clock ? options.clock : monotonic_clock()),
        ahead_(runner, options.compile_threads),
        levels_(options.policy.tie) {
    environment_.policy = to_string(options.policy);
  }

  Result<SearchSummary> run();

 private:
  // search.cpp: what is known, what may be tried, and what is kept.
  Result<void> look_around();
  std::vector<KernelConfig> musts() const;
  int untried() const;
  int timed_of_space() const;
  /// As many trials as the rigor promises, or all that there are.
  bool promise_kept() const { return limit_ >= promised_ || untried() == 0; }
  bool undecided() const;
  void learn(const Trial& trial);
  std::optional<Racer> prepared(const KernelConfig& config);
  void pass_over(const KernelConfig& config, const Error& error);
  std::optional<KernelConfig> best_so_far() const;
  /// `scale`: that of the race, Levels::scale().
  void store(const KernelConfig& config, const Measurement& measurement, bool report, double scale = 1);
  double predicted_of(const KernelConfig& config) const;

  // heats.cpp: every candidate's first race.
  bool run_heats();
  std::vector<KernelConfig> propose(std::size_t count);
  /// `again`: of candidates whose trials are stored already.
  bool run_heat(const std::vector<KernelConfig>& heat, bool again = false);
  void race_heat(std::vector<Racer>& racers, bool with_best);
  void look_again();

  // finals.cpp: which of the fastest wins.
  bool run_final();
  std::vector<KernelConfig> choose_finalists() const;
  int final_rounds(const std::vector<KernelConfig>& finalists) const;
  std::vector<Racer> prepared_finalists(const std::vector<KernelConfig>& finalists);
  void crown();
  std::string why_beaten(const Trial& trial, double ratio) const;

  // summary.cpp: what is told of it.
  SearchSummary summarise_search();
  void find_runner_up(SearchSummary& summary) const;
  void find_regret(SearchSummary& summary) const;

  double budget() const;
  bool out_of_time(double share) const { return clock_() >= start_ + share * budget(); }
  bool stopped() const { return out_of_time(1) || broken_ || (options_.cancelled && options_.cancelled()); }
  RaceRules rules() const {
    return {.runner = runner_,
            .policy = options_.policy,
            .clock = clock_,
            .deadline = start_ + budget(),
            .cancelled = options_.cancelled};
  }
  bool wanted(const KernelConfig& config) const { return !options_.wanted || options_.wanted(config); }
  /// Has a trial, or cannot have one in this search.
  bool settled(const std::string& name) const { return trials_.contains(name) || passed_over_.contains(name); }
  double level(const Trial& trial) const { return levels_.of(trial.config); }
  bool in_doubt(const Trial& trial) const { return levels_.in_doubt(trial.config); }

  Context& context_;
  Runner& runner_;
  const Problem& problem_;
  const SearchOptions& options_;
  const DeviceFacts& facts_;
  Environment environment_;
  Clock clock_;
  CompileAhead ahead_;
  double start_ = 0;
  KernelConfig incumbent_;           ///< what an application got until now
  bool incumbent_measured_ = false;  ///< before this search
  std::optional<KernelConfig> plain_;
  std::vector<SearchSpace::Refusal> refused_;
  std::vector<Ranked> ranked_;                 ///< the space, best first
  std::map<std::string, std::size_t> place_;   ///< in ranked_, by config
  std::optional<Surrogate> surrogate_;         ///< its candidates are those of ranked_
  std::map<std::string, Trial> trials_;        ///< by config: of the database and of this search
  Levels levels_;                              ///< of trials_
  std::optional<KernelConfig> crowned_;        ///< the winner, once it is decided
  std::set<std::string> finalists_;            ///< that were timed in the last race, once it is over
  double waited_ = 0;                          ///< seconds of races that were held again
  std::optional<KernelConfig> chosen_before_;  ///< by a lesser search, whose trials are all that was known
  std::string first_;                          ///< config that was ranked first before any trial of this problem
  std::optional<SearchRecord> before_;         ///< the search that was stored when this one began
  std::set<std::string> passed_over_;          ///< candidates that could not be tried, by no fault of theirs
  std::optional<Error> why_passed_over_;       ///< the last of their errors
  std::optional<Error> broken_;                ///< why no candidate can be tried any more
  std::optional<Error> store_error_;
  int promised_ = 0;  ///< trials that the rigor stands for
  int limit_ = 0, total_ = 0, done_ = 0, reused_ = 0, tried_ = 0, throttled_ = 0, calibrated_on_ = 0;
  bool complete_ = false;
};

}  // namespace fftconv
