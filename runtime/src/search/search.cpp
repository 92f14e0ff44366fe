#include "fftconv/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

#include "dispatcher.h"
#include "search/search_state.h"

namespace fftconv {

double Search::budget() const {
  return options_.rigor == Rigor::exhaustive ? std::numeric_limits<double>::infinity() : options_.budget_s;
}

Result<SearchSummary> Search::run() {
  start_ = clock_();
  runner_.until(clock_, start_ + budget(), options_.cancelled);
  if (Result<void> looked = look_around(); !looked) return looked.error();
  // Part of the space is not the space, and fewer trials than the rigor promises are not that rigor.
  complete_ = run_heats() && passed_over_.empty() && !options_.wanted && promise_kept();
  const bool crown_again = undecided();
  if (crown_again && !stopped()) look_again();
  if (crown_again) complete_ &= run_final();
  if (broken_) return *broken_;
  if (why_passed_over_ && trials_.empty()) return *why_passed_over_;
  if (crown_again && !options_.wanted) crown();
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
    levels_.put(name, trial.measurement.median);
    learn(trial);
    trials_.emplace(std::move(name), std::move(trial));
  }
  const bool has_incumbent = !known.empty() && wanted(known.front().config);
  incumbent_ = has_incumbent ? known.front().config : !ranked_.empty() ? ranked_.front().config : *plain_;
  // What replaces one that was measured before must be faster, not as fast: plans change for a reason. A guess has no
  // such claim.
  incumbent_measured_ = trials_.contains(to_string(incumbent_));

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

// The surrogate hears of every trial; one that failed is not proposed again.
void Search::learn(const Trial& trial) {
  const auto found = place_.find(to_string(trial.config));
  if (found == place_.end()) return;
  const Measurement& m = trial.measurement;
  if (was_timed(m.status) && !at_other_pace(m)) {
    surrogate_->observe(found->second, level(trial), m.status == TrialStatus::measured);
  } else {
    surrogate_->exclude(found->second);
  }
}

int Search::timed_of_space() const {
  int count = 0;
  for (const auto& [name, trial] : trials_) count += place_.contains(name) && was_timed(trial.measurement.status);
  return count;
}

// Whether a winner is still to be found among what is known: there are new trials, or there was a search that ended
// before its finals. One that was killed left no record of its last trials, one that ran out of time says so itself.
bool Search::undecided() const {
  if (tried_ > 0) return true;
  if (options_.wanted) return false;
  return !before_ || before_->measured < timed_of_space() || (promise_kept() && !before_->complete);
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

void Search::store(const KernelConfig& config, const Measurement& measurement, bool report, double scale) {
  Trial trial{.environment = environment_,
              .problem = problem_,
              .config = config,
              .measurement = measurement,
              .predicted_s = predicted_of(config),
              .unix_time = std::time(nullptr)};
  const std::string name = to_string(config);
  // Of one that is timed again the binary came from the cache: what it cost was measured the first time.
  if (const auto known = trials_.find(name); known != trials_.end()) {
    trial.measurement.compile_s = known->second.measurement.compile_s;
  }
  context_.with_database([&](TuningDb& database) {
    const Result<void> stored = database.put(trial);
    if (!stored) store_error_ = stored.error();
  });
  levels_.put(name, measurement.median, scale);
  const Trial& kept = trials_.insert_or_assign(name, std::move(trial)).first->second;
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
