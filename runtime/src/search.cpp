#include "fftconv/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <map>
#include <set>

#include "compile_ahead.h"
#include "dispatcher.h"
#include "fftconv/cost_model.h"
#include "fftconv/search_space.h"
#include "fftconv/statistics.h"
#include "fftconv/surrogate.h"
#include "quiet_race.h"
#include "race.h"

namespace fftconv {
namespace {

constexpr std::size_t kHeat = 8;       // candidates that hold device memory at a time
constexpr std::size_t kFinalists = 8;  // at most, in the second measurement
constexpr double kFinalTies = 5;       // finalists are no more than so many ties slower than the best …
constexpr double kDoubtTies = 10;      // … or than so many, where they were timed while the machine was busy
constexpr double kFinalSeconds = 0.1;  // of one race of the finalists, where launches are short
constexpr double kWaitShare = 0.25;    // of the time so far: for races that are held again on a busy machine
constexpr double kPrepareShare = 0.7;  // of the budget: what is prepared must still be raced

bool won_or_ran(const Trial& trial) { return trial.measurement.status == TrialStatus::measured; }

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// What turns times of a race that the machine ran at `pace` into those of the search's first. A change that noise
/// explains is none: correcting it would bring in the noise of one candidate to all.
double drift(double pace, double tie) { return std::abs(std::log(pace)) > std::log(1 + tie) ? pace : 1; }

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
        ahead_(runner, options.compile_threads) {
    environment_.policy = to_string(options.policy);
  }

  Result<SearchSummary> run();

 private:
  Result<void> look_around();
  std::vector<KernelConfig> musts() const;
  std::vector<KernelConfig> propose(std::size_t count);
  bool run_heats();
  /// `again`: of candidates whose trials are stored already.
  bool run_heat(const std::vector<KernelConfig>& heat, bool again = false);
  void look_again();
  Measurement timed_again(const Racer& racer) const;
  void race_heat(std::vector<Racer>& racers, bool with_best);
  double pace(const Racer& best) const;
  /// Never where the tie is 0: times are then exact, and a slower race says nothing about the machine.
  bool busy(double pace) const { return options_.policy.tie > 0 && pace * (1 + options_.policy.tie) < quietest_; }
  int final_rounds(const std::vector<KernelConfig>& finalists) const;
  std::vector<Racer> prepared_finalists(const std::vector<KernelConfig>& finalists);
  bool busier_than_known(const std::vector<Racer>& racers) const;
  std::vector<KernelConfig> choose_finalists() const;
  void run_final();
  std::string why_beaten(const Trial& trial, double ratio) const;
  void crown();
  SearchSummary summarise_search();
  void find_runner_up(SearchSummary& summary) const;
  void find_regret(SearchSummary& summary) const;

  std::optional<Racer> prepared(const KernelConfig& config);
  void pass_over(const KernelConfig& config, const Error& error);
  std::optional<KernelConfig> best_so_far() const;
  bool in_doubt(const Trial& trial) const;
  bool out_of_time(double share) const { return clock_() >= start_ + share * budget(); }
  bool stopped() const { return out_of_time(1) || broken_ || (options_.cancelled && options_.cancelled()); }
  double budget() const;
  RaceRules rules() const {
    return {.runner = runner_,
            .policy = options_.policy,
            .clock = clock_,
            .deadline = start_ + budget(),
            .cancelled = options_.cancelled};
  }
  bool wanted(const KernelConfig& config) const { return !options_.wanted || options_.wanted(config); }
  /// `scale`: from this race to the search's first, drift().
  void store(const KernelConfig& config, const Measurement& measurement, bool report, double scale = 1);
  double level(const Trial& trial) const { return levels_.at(to_string(trial.config)); }
  void learn(const Trial& trial);
  /// Has a trial, or cannot have one in this search.
  bool settled(const std::string& name) const { return trials_.contains(name) || passed_over_.contains(name); }
  int untried() const;
  double predicted_of(const KernelConfig& config) const;

  Context& context_;
  Runner& runner_;
  const Problem& problem_;
  const SearchOptions& options_;
  const DeviceFacts& facts_;
  Environment environment_;
  Clock clock_;
  CompileAhead ahead_;
  double start_ = 0;
  KernelConfig incumbent_;
  std::optional<KernelConfig> plain_;
  std::vector<SearchSpace::Refusal> refused_;
  std::vector<Ranked> ranked_;                 ///< the space, best first
  std::map<std::string, std::size_t> place_;   ///< in ranked_, by config
  std::optional<Surrogate> surrogate_;         ///< its candidates are those of ranked_
  std::map<std::string, Trial> trials_;        ///< by config: of the database and of this search
  std::map<std::string, double> levels_;       ///< their medians as if all had been raced at once, by config
  std::map<std::string, double> paces_;        ///< of the machine while they were timed in this search, by config
  std::optional<KernelConfig> crowned_;        ///< the winner, once it is decided
  std::set<std::string> finalists_;            ///< that were timed in the last race, once it is over
  double quietest_ = 1;                        ///< pace of the machine, at best
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

double Search::budget() const {
  return options_.rigor == Rigor::exhaustive ? std::numeric_limits<double>::infinity() : options_.budget_s;
}

Result<SearchSummary> Search::run() {
  start_ = clock_();
  runner_.until(clock_, start_ + budget(), options_.cancelled);
  if (Result<void> looked = look_around(); !looked) return looked.error();
  // Part of the space is not the space, and fewer trials than the rigor promises are not that rigor.
  complete_ = run_heats() && passed_over_.empty() && !options_.wanted && (limit_ >= promised_ || untried() == 0);
  const bool anything_new = tried_ > 0;
  if (anything_new && !stopped()) look_again();
  if (anything_new && !stopped()) run_final();
  if (broken_) return *broken_;
  if (why_passed_over_ && trials_.empty()) return *why_passed_over_;
  if (anything_new && !options_.wanted) crown();
  const SearchSummary summary = summarise_search();
  context_.with_database([&](TuningDb& database) {
    // What was searched thoroughly stays so after a lesser search.
    const Result<Rigor> rigor = before_ ? parse_rigor(before_->rigor) : Result<Rigor>(Rigor::estimate);
    if (before_ && before_->complete && rigor && (!complete_ || *rigor > options_.rigor)) return;
    const Result<void> stored = database.put_search(environment_, problem_, summary.record);
    if (!stored) store_error_ = stored.error();
  });
  // What cannot be stored is lost to the next process: that is the caller's to know.
  if (store_error_) return *store_error_;
  return summary;
}

// The space, what is known of it, and how much of the rest may be tried.
Result<void> Search::look_around() {
  const std::shared_ptr<const Calibration> calibration = context_.calibration(environment_.policy);
  calibrated_on_ = calibration ? calibration->trials() : 0;
  SearchSpace space = search_space(problem_, facts_);
  refused_ = std::move(space.refused);
  ranked_ = rank(problem_, std::move(space.configs), facts_, calibration.get());
  if (options_.wanted) std::erase_if(ranked_, [&](const Ranked& other) { return !options_.wanted(other.config); });
  const Result<KernelConfig> plain = default_config(problem_, facts_);
  if (ranked_.empty() && !plain) return plain.error();
  if (plain) plain_ = *plain;
  for (std::size_t i = 0; i < ranked_.size(); ++i) place_.emplace(to_string(ranked_[i].config), i);
  surrogate_.emplace(problem_, ranked_, facts_, calibration != nullptr);

  std::vector<Candidate> known;
  std::vector<Trial> stored;
  context_.with_database([&](TuningDb& database) {
    stored = database.trials(environment_, problem_);
    known = remembered(problem_, facts_, environment_, stored, database, [] { return nullptr; });
    before_ = database.find_search(environment_, problem_);
  });
  for (Trial& trial : stored) {
    std::string name = to_string(trial.config);
    levels_[name] = trial.measurement.median;
    learn(trial);
    trials_.emplace(std::move(name), std::move(trial));
  }
  // Until now an application got this one: what replaces it must be faster, not as fast.
  const bool has_incumbent = !known.empty() && wanted(known.front().config);
  incumbent_ = has_incumbent ? known.front().config : !ranked_.empty() ? ranked_.front().config : *plain_;

  // Later the calibration knows this very problem: what it ranks first then is no guess any more.
  const bool ranked_before = before_ && place_.contains(before_->first);
  first_ = ranked_before ? before_->first : ranked_.empty() ? std::string() : to_string(ranked_.front().config);
  promised_ = candidate_limit(options_.rigor, static_cast<int>(ranked_.size()));
  limit_ = options_.max_trials > 0 ? options_.max_trials : promised_;
  for (const auto& [name, trial] : trials_) reused_ += place_.contains(name) || (plain_ && trial.config == *plain_);
  const bool lesser_search = before_ && before_->rigor != to_string(Rigor::exhaustive);
  if (lesser_search && has_incumbent && reused_ <= before_->measured) chosen_before_ = incumbent_;
  total_ = reused_ + std::clamp(limit_ - reused_, 0, untried());
  done_ = reused_;
  return {};
}

// What is tried whatever the model says, and was not yet.
std::vector<KernelConfig> Search::musts() const {
  std::vector<KernelConfig> configs;
  const auto add = [&](const KernelConfig& config) {
    const bool known = settled(to_string(config));
    if (!known && std::find(configs.begin(), configs.end(), config) == configs.end()) configs.push_back(config);
  };
  add(incumbent_);
  if (!ranked_.empty()) add(ranked_.front().config);
  if (plain_) add(*plain_);
  return configs;
}

// Candidates of the space, and the plain default where it is none of them, that have no trial.
int Search::untried() const {
  int count = 0;
  for (const auto& [name, place] : place_) count += !settled(name);
  for (const KernelConfig& config : musts()) count += !place_.contains(to_string(config));
  return count;
}

std::vector<KernelConfig> Search::propose(std::size_t count) {
  std::vector<KernelConfig> heat = musts();
  heat.resize(std::min(heat.size(), count));
  if (options_.rigor == Rigor::exhaustive) {  // all are tried: the order matters little, and asking for it costs
    for (const Ranked& candidate : ranked_) {
      if (heat.size() >= count) break;
      const bool taken = std::find(heat.begin(), heat.end(), candidate.config) != heat.end();
      if (!taken && !settled(to_string(candidate.config))) heat.push_back(candidate.config);
    }
    return heat;
  }
  if (heat.size() == count) return heat;
  for (const std::size_t place : surrogate_->next(count)) {
    const KernelConfig& config = ranked_[place].config;
    if (heat.size() >= count) break;
    if (std::find(heat.begin(), heat.end(), config) == heat.end()) heat.push_back(config);
  }
  return heat;
}

// False where time ran out before all that may be tried was.
bool Search::run_heats() {
  // At least five rounds of learning, whatever the limit: of the few trials that a small space allows, each tells
  // what to try next.
  const int size = std::clamp(limit_ / 5, 1, static_cast<int>(kHeat));
  for (bool first = true;; first = false) {
    const int left = total_ - done_;
    if (left <= 0) return true;
    if (!first && stopped()) return false;
    const std::vector<KernelConfig> heat = propose(static_cast<std::size_t>(std::min(size, left)));
    if (heat.empty()) return true;
    ahead_.add(heat);
    if (!run_heat(heat)) return false;
  }
}

// The surrogate hears of every trial; one that failed is not proposed again.
void Search::learn(const Trial& trial) {
  const auto found = place_.find(to_string(trial.config));
  if (found == place_.end()) return;
  const Measurement& m = trial.measurement;
  if (was_timed(m.status)) {
    surrogate_->observe(found->second, level(trial), m.status == TrialStatus::measured);
  } else {
    surrogate_->exclude(found->second);
  }
}

std::optional<Racer> Search::prepared(const KernelConfig& config) {
  Result<Measurement> measurement = runner_.prepare(config);
  if (measurement) return Racer{config, std::move(*measurement)};
  pass_over(config, measurement.error());
  return std::nullopt;
}

// An error of the machine is stored against nobody. Where one candidate finds no room, or no compiler, others may, or
// need none; any other error would meet all of them.
void Search::pass_over(const KernelConfig& config, const Error& error) {
  runner_.release(config);
  const bool cut_off = error.code == ErrorCode::busy && stopped();  // by until()
  if (!cut_off && error.code != ErrorCode::out_of_memory && error.code != ErrorCode::dependency_missing) {
    broken_ = error;
    return;
  }
  if (!cut_off) why_passed_over_ = error;
  const std::string name = to_string(config);
  const bool counted = !settled(name);
  passed_over_.insert(name);
  if (counted) --total_;
  if (const auto found = place_.find(name); counted && found != place_.end()) surrogate_->exclude(found->second);
}

// How fast the machine is in a race that the best so far took part in, where it was 1 in the search's first.
double Search::pace(const Racer& best) const {
  const double before = levels_.at(to_string(best.config)), now = best.measurement.median;
  return before > 0 && now > 0 ? before / now : 1;
}

// Again and again while the best so far, the first of `racers`, says that the machine is busier than it was.
void Search::race_heat(std::vector<Racer>& racers, bool with_best) {
  const double begin = clock_();
  double first_over = 0;
  const auto is_busy = [&](const Racer& best) {
    if (first_over == 0) first_over = clock_() - begin;
    return with_best && busy(pace(best));
  };
  const auto may_wait = [&] { return waited_ + clock_() - begin - first_over < kWaitShare * (clock_() - start_); };
  race_until_quiet(rules(), racers, is_busy, may_wait);
  if (first_over > 0) waited_ += clock_() - begin - first_over;
  if (with_best) quietest_ = std::max(quietest_, pace(racers.front()));
}

// False where time ran out, or the machine failed, before all of the heat was tried.
bool Search::run_heat(const std::vector<KernelConfig>& heat, bool again) {
  std::vector<Racer> racers;
  // The best so far runs along: times of two heats are compared through it, not across minutes.
  std::optional<KernelConfig> king = best_so_far();
  if (king) {
    if (std::optional<Racer> racer = prepared(*king)) {
      racers.push_back(std::move(*racer));
    } else {
      king.reset();
    }
  }
  bool all = true;
  for (const KernelConfig& config : heat) {
    const bool first_of_all = racers.empty() && !broken_;
    if ((stopped() || out_of_time(kPrepareShare)) && !first_of_all) {
      all = false;
      break;
    }
    std::optional<Racer> made = prepared(config);
    if (!made) continue;
    racers.push_back(std::move(*made));
    const Racer& racer = racers.back();
    // A failure is known now; who may race is stored after it.
    if (racer.measurement.status != TrialStatus::measured) store(config, racer.measurement, !again);
  }
  if (!all) ahead_.forget();
  ahead_.wait();  // on a CPU the compiler would run on the cores that are being timed
  std::vector<bool> failed;
  for (const Racer& racer : racers) failed.push_back(racer.measurement.status != TrialStatus::measured);
  if (king && failed.front()) store(*king, racers.front().measurement, false);  // right once and wrong once is wrong
  race_heat(racers, king.has_value());
  const double now = king ? pace(racers.front()) : 1;
  const double scale = drift(now, options_.policy.tie);
  for (std::size_t i = 0; i < racers.size(); ++i) {
    const Racer& racer = racers[i];
    runner_.release(racer.config);
    throttled_ += racer.measurement.throttled;
    const bool is_king = king && racer.config == *king;
    if (failed[i]) continue;
    if (racer.untried) {
      pass_over(racer.config, *racer.untried);
      continue;
    }
    if (is_king) {
      // Its first time stands, unless it failed since: what others are compared through is in no doubt for that.
      double& best_pace = paces_.try_emplace(to_string(*king), now).first->second;
      best_pace = std::max(best_pace, now);
      if (!was_timed(racer.measurement.status) && !racer.unsampled) store(*king, racer.measurement, false);
      continue;
    }
    if (racer.unsampled && racer.measurement.throttled == 0) {
      all = false;  // the budget ended before its first sample: that says nothing of the candidate
      continue;
    }
    store(racer.config, again ? timed_again(racer) : racer.measurement, !again, scale);
    paces_[to_string(racer.config)] = now;
  }
  return all && !broken_;
}

// The binary came from the cache now; what it cost was measured the first time.
Measurement Search::timed_again(const Racer& racer) const {
  Measurement measurement = racer.measurement;
  measurement.compile_s = trials_.at(to_string(racer.config)).measurement.compile_s;
  return measurement;
}

// Rounds of a second measurement: many where a launch is short. They cost nothing beside the compiler, and on a
// shared machine the medians of few put candidates that are 8 % apart in the wrong order.
int Search::final_rounds(const std::vector<KernelConfig>& finalists) const {
  double round = 0;  // seconds
  for (const KernelConfig& config : finalists) round += levels_.at(to_string(config));
  const MeasurePolicy& policy = options_.policy;
  const int least = std::min(2 * policy.min_samples, policy.max_samples);
  return round > 0 ? static_cast<int>(std::clamp(kFinalSeconds / round, 1.0 * least, 1.0 * policy.max_samples))
                   : least;
}

// Finalists that are right once more and may race; the others are stored as wrong.
std::vector<Racer> Search::prepared_finalists(const std::vector<KernelConfig>& finalists) {
  std::vector<Racer> racers;
  for (const KernelConfig& config : finalists) {
    std::optional<Racer> racer = prepared(config);
    if (!racer) continue;
    if (racer->measurement.status == TrialStatus::measured) {
      racers.push_back(std::move(*racer));
    } else {
      store(config, racer->measurement, false);  // right once and wrong once is wrong
      runner_.release(config);
    }
  }
  return racers;
}

// Whether those whose times are in no doubt are slower in this race than they were. They were chosen for short times,
// some by luck, so that a tie more counts for nothing.
bool Search::busier_than_known(const std::vector<Racer>& racers) const {
  double sum = 0;
  int count = 0;
  for (const Racer& racer : racers) {
    const std::string name = to_string(racer.config);
    const auto timed = paces_.find(name);
    if (timed == paces_.end() || busy(timed->second)) continue;
    sum += std::log(racer.measurement.median / (levels_.at(name) / timed->second));
    ++count;
  }
  return count > 0 && sum / count > std::log(1 + 2 * options_.policy.tie);
}

// Those that were timed while the machine was busy may be faster than they seemed.
void Search::look_again() {
  std::vector<KernelConfig> doubted;
  const std::optional<KernelConfig> best = best_so_far();
  if (!best) return;
  const double limit = levels_.at(to_string(*best)) * (1 + kDoubtTies * options_.policy.tie);
  for (const auto& [name, trial] : trials_) {
    if (in_doubt(trial) && was_timed(trial.measurement.status) && level(trial) <= limit)
      doubted.push_back(trial.config);
  }
  for (std::size_t first = 0; first < doubted.size() && !stopped(); first += kHeat) {
    const auto begin = doubted.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kHeat, doubted.size() - first));
    if (!run_heat({begin, begin + count}, true)) return;
  }
}

// At most kFinalists. Medians of two races are compared here, and either may be off: that is no reason to leave the
// fastest out. Half of the places are for those that were timed while the machine was quiet, the rest for those whose
// times say less.
std::vector<KernelConfig> Search::choose_finalists() const {
  std::vector<const Trial*> ordered;
  for (const auto& [name, trial] : trials_) {
    if (won_or_ran(trial) && wanted(trial.config)) ordered.push_back(&trial);
  }
  std::sort(ordered.begin(), ordered.end(), [&](const Trial* a, const Trial* b) { return level(*a) < level(*b); });
  const auto best =
      std::find_if(ordered.begin(), ordered.end(), [&](const Trial* trial) { return !in_doubt(*trial); });
  if (best == ordered.end()) return {};
  std::vector<KernelConfig> sure, unsure;
  for (const Trial* trial : ordered) {
    const double ties = in_doubt(*trial) ? kDoubtTies : kFinalTies;
    if (level(*trial) > level(**best) * (1 + ties * options_.policy.tie)) continue;
    (in_doubt(*trial) ? unsure : sure).push_back(trial->config);
  }
  const std::size_t doubted = std::min(unsure.size(), kFinalists - std::min(sure.size(), kFinalists / 2));
  const bool incumbent_close = std::find(sure.begin(), sure.end(), incumbent_) != sure.end();
  sure.resize(std::min(sure.size(), kFinalists - doubted));
  if (incumbent_close && std::find(sure.begin(), sure.end(), incumbent_) == sure.end()) sure.back() = incumbent_;
  sure.insert(sure.end(), unsure.begin(), unsure.begin() + static_cast<std::ptrdiff_t>(doubted));
  return sure;
}

void Search::run_final() {
  const std::vector<KernelConfig> close = choose_finalists();
  if (close.size() < 2) return;
  const std::vector<Racer> finalists = prepared_finalists(close);
  const FinalRules final_rules{.rounds = final_rounds(close),
                               .busy = [&](const std::vector<Racer>& racers) { return busier_than_known(racers); }};
  const FinalTimes finals = race_finals(rules(), final_rules, finalists);
  for (const Racer& finalist : finalists) runner_.release(finalist.config);
  for (const Racer& racer : finals.left) {
    throttled_ += racer.measurement.throttled;
    if (racer.untried) {
      pass_over(racer.config, *racer.untried);
    } else {
      store(racer.config, racer.measurement, false);
    }
  }
  if (finals.racers.empty() || broken_) return;
  const double scale = drift(pace(finals.racers.front()), options_.policy.tie);
  for (const Racer& racer : finals.racers) {
    throttled_ += racer.measurement.throttled;
    store(racer.config, timed_again(racer), false, scale);
    finalists_.insert(to_string(racer.config));
  }
}

// `ratio`: of the winner's time to the one of `trial`, by what both raced.
std::string Search::why_beaten(const Trial& trial, double ratio) const {
  if (ratio < 1) {
    return fmt::format("Timed while the device was faster: {:.1f} % slower than the winner by what both raced.",
                       100 * (1 / ratio - 1));
  }
  if (in_doubt(trial) && !finalists_.contains(to_string(trial.config))) {
    return fmt::format("Seemed {:.1f} % faster while the machine was busy, and was no finalist.", 100 * (ratio - 1));
  }
  return fmt::format("{:.1f} % faster than the incumbent, within the tie of {:.1f} %: the incumbent stays.",
                     100 * (ratio - 1), 100 * options_.policy.tie);
}

// The fastest, unless the incumbent is as good. Winners are the fastest measured trial of the database, so that a
// challenger that does not win must not be one.
void Search::crown() {
  const std::optional<KernelConfig> best = best_so_far();
  if (!best) return;
  Trial winner = trials_.at(to_string(*best));
  if (const auto found = trials_.find(to_string(incumbent_)); found != trials_.end()) {
    const Trial& incumbent = found->second;
    const bool raced = finalists_.empty() || finalists_.contains(to_string(incumbent_));
    const bool as_fast = level(incumbent) <= level(winner) * (1 + options_.policy.tie);
    if (won_or_ran(incumbent) && raced && as_fast) winner = incumbent;
  }
  crowned_ = winner.config;
  std::vector<Trial> beaten;
  for (const auto& [name, trial] : trials_) {
    const bool at_least_as_fast = trial.measurement.median <= winner.measurement.median;
    if (won_or_ran(trial) && at_least_as_fast && trial.config != winner.config) beaten.push_back(trial);
  }
  for (Trial& trial : beaten) {
    const double ratio = level(winner) / level(trial);
    const double scale = level(trial) / trial.measurement.median;
    trial.measurement.status = TrialStatus::dropped;
    trial.measurement.reason = why_beaten(trial, ratio);
    store(trial.config, trial.measurement, false, scale);
  }
}

// The one that was crowned; before, of the finalists, where there were any; else of those whose times are in no
// doubt.
std::optional<KernelConfig> Search::best_so_far() const {
  if (crowned_) return crowned_;
  const Trial* best = nullptr;
  const auto takes_part = [&](const Trial& trial) {
    return finalists_.empty() ? !in_doubt(trial) : finalists_.contains(to_string(trial.config));
  };
  for (const bool everybody : {false, true}) {
    for (const auto& [name, trial] : trials_) {
      if (!won_or_ran(trial) || !wanted(trial.config) || !(everybody || takes_part(trial))) continue;
      if (!best || level(trial) < level(*best)) best = &trial;
    }
    if (best) break;
  }
  if (!best) return std::nullopt;
  return best->config;
}

// Timed while the machine was busier than in another race of this search.
bool Search::in_doubt(const Trial& trial) const {
  const auto timed = paces_.find(to_string(trial.config));
  return timed != paces_.end() && busy(timed->second);
}

void Search::store(const KernelConfig& config, const Measurement& measurement, bool report, double scale) {
  Trial trial{.environment = environment_,
              .problem = problem_,
              .config = config,
              .measurement = measurement,
              .predicted_s = predicted_of(config),
              .unix_time = std::time(nullptr)};
  context_.with_database([&](TuningDb& database) {
    const Result<void> stored = database.put(trial);
    if (!stored) store_error_ = stored.error();
  });
  levels_[to_string(config)] = measurement.median * scale;
  const Trial& kept = trials_.insert_or_assign(to_string(config), std::move(trial)).first->second;
  if (!report) return;
  learn(kept);
  ++tried_;
  ++done_;
  if (options_.progress) options_.progress({.done = done_, .total = total_, .last = &kept});
}

double Search::predicted_of(const KernelConfig& config) const {
  const auto found = place_.find(to_string(config));
  const double seconds =
      found != place_.end() ? ranked_[found->second].expected_s : predict(problem_, config, facts_).total_s;
  return std::isfinite(seconds) && seconds > 0 ? seconds : 0;
}

SearchSummary Search::summarise_search() {
  SearchSummary summary;
  summary.problem = problem_;
  summary.floor_s = floor_seconds(problem_, facts_);
  summary.reused = reused_;
  summary.throttled = throttled_;
  summary.calibrated_on = calibrated_on_;
  for (const std::string& name : passed_over_) summary.untried += !trials_.contains(name);
  int measured = 0, compiled = 0;
  for (const auto& [name, trial] : trials_) {
    const TrialStatus status = trial.measurement.status;
    // The plain default, or what won for a neighbour, may be tried without being of the space.
    const bool of_space = place_.contains(name);
    measured += of_space && was_timed(status);
    compiled += of_space && status != TrialStatus::illegal && status != TrialStatus::compile_failed;
    summary.dropped += status == TrialStatus::dropped;
    summary.failed += !was_timed(status);
  }
  if (const std::optional<KernelConfig> best = best_so_far()) {
    summary.winner = trials_.at(to_string(*best));
    summary.predicted_s = predicted_of(*best);
    find_runner_up(summary);
  }
  if (plain_) {
    if (const auto found = trials_.find(to_string(*plain_)); found != trials_.end()) {
      summary.plain_default = found->second;
    }
  }
  summary.record = {.rigor = to_string(options_.rigor),
                    .budget_s = options_.budget_s,
                    .candidates = static_cast<int>(ranked_.size()),
                    .measured = measured,
                    .complete = complete_,
                    .compiled = compiled,
                    .first = first_};
  for (const SearchSpace::Refusal& refusal : refused_) {
    summary.record.refused += fmt::format("{} {}\n", refusal.count, one_line(refusal.reason));
  }
  const bool exhaustive_now = options_.rigor == Rigor::exhaustive && complete_;
  const bool exhaustive_before = before_ && before_->complete && before_->rigor == to_string(Rigor::exhaustive);
  if (summary.winner && (exhaustive_now || exhaustive_before)) find_regret(summary);
  return summary;
}

// One that lost to the incumbent by the tie alone is as good a runner-up as one that was slower.
void Search::find_runner_up(SearchSummary& summary) const {
  const double best = level(*summary.winner);
  const double tie = 1 + options_.policy.tie;
  const auto distance = [&](const Trial& trial) { return std::abs(std::log(level(trial) / best)); };
  for (const auto& [name, trial] : trials_) {
    const bool tied_out =
        trial.measurement.status == TrialStatus::dropped && level(trial) > 0 && level(trial) <= best * tie;
    if (trial.config == summary.winner->config || !wanted(trial.config) || !(won_or_ran(trial) || tied_out)) continue;
    if (!summary.runner_up || distance(trial) < distance(*summary.runner_up)) summary.runner_up = trial;
  }
  summary.tie = summary.runner_up && distance(*summary.runner_up) <= std::log(tie);
}

void Search::find_regret(SearchSummary& summary) const {
  double best = level(*summary.winner);
  for (const std::string& name : finalists_) {  // a challenger may have lost by the tie alone
    if (was_timed(trials_.at(name).measurement.status)) best = std::min(best, levels_.at(name));
  }
  const auto behind = [&](const std::string& name) -> std::optional<double> {
    const auto found = trials_.find(name);
    if (found == trials_.end() || !(level(found->second) > 0)) return std::nullopt;
    return std::max(0.0, level(found->second) / best - 1);
  };
  summary.regret = behind(chosen_before_ ? to_string(*chosen_before_) : to_string(summary.winner->config));
  summary.regret_of_first = behind(first_);
}

}  // namespace

int candidate_limit(Rigor rigor, int space) {
  switch (rigor) {
    case Rigor::measure:
      return std::max(8, space / 20);
    case Rigor::patient:
      return std::max(48, space / 5);
    case Rigor::exhaustive:
      return std::numeric_limits<int>::max();
    case Rigor::estimate:
    case Rigor::cached_only:
      break;
  }
  return 0;
}

Result<SearchSummary> search(Context& context, Runner& runner, const Problem& problem, const SearchOptions& options) {
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  if (candidate_limit(options.rigor, 1) == 0) {
    return invalid(fmt::format("Rigor {} does not measure: search with measure, patient or exhaustive.",
                               to_string(options.rigor)));
  }
  return Search(context, runner, problem, options).run();
}

Result<SearchSummary> search(Context& context, const Problem& problem, const SearchOptions& options) {
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  Result<std::unique_ptr<Runner>> runner = make_runner(context, problem, options.policy);
  if (!runner) return runner.error();
  return search(context, **runner, problem, options);
}

}  // namespace fftconv
