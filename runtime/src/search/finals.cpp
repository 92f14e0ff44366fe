// The finals of a search: the fastest race again, many rounds, while the machine is quiet; one is crowned.
#include <fmt/format.h>

#include <algorithm>

#include "search/search_state.h"

namespace fftconv {
namespace {

constexpr std::size_t kFinalists = 8;  // at most
constexpr double kFinalSeconds = 0.1;  // of one race of theirs, where launches are short

}  // namespace

// At most kFinalists, who seemed up to kCloseTies slower than the best: medians of two races are compared here, and
// either may be off. On a shared machine the second best was once 12 % behind in its heat. Half of the places are for
// those that were timed while the machine was quiet, the rest for those whose times say less.
std::vector<KernelConfig> Search::choose_finalists() const {
  std::vector<const Trial*> ordered;
  for (const auto& [name, trial] : trials_) {
    if (won_or_ran(trial) && wanted(trial.config)) ordered.push_back(&trial);
  }
  std::sort(ordered.begin(), ordered.end(), [&](const Trial* a, const Trial* b) { return level(*a) < level(*b); });
  const auto best =
      std::find_if(ordered.begin(), ordered.end(), [&](const Trial* trial) { return !in_doubt(*trial); });
  if (best == ordered.end()) return {};
  const double limit = level(**best) * (1 + kCloseTies * options_.policy.tie);
  std::vector<KernelConfig> sure, unsure;
  for (const Trial* trial : ordered) {
    if (level(*trial) > limit) continue;
    (in_doubt(*trial) ? unsure : sure).push_back(trial->config);
  }
  const std::size_t doubted = std::min(unsure.size(), kFinalists - std::min(sure.size(), kFinalists / 2));
  const bool incumbent_close = std::find(sure.begin(), sure.end(), incumbent_) != sure.end();
  sure.resize(std::min(sure.size(), kFinalists - doubted));
  if (incumbent_close && std::find(sure.begin(), sure.end(), incumbent_) == sure.end()) sure.back() = incumbent_;
  sure.insert(sure.end(), unsure.begin(), unsure.begin() + static_cast<std::ptrdiff_t>(doubted));
  return sure;
}

// Rounds of a second measurement: many where a launch is short. They cost nothing beside the compiler, and on a
// shared machine the medians of few put candidates that are 8 % apart in the wrong order.
int Search::final_rounds(const std::vector<KernelConfig>& finalists) const {
  double round = 0;  // seconds
  for (const KernelConfig& config : finalists) round += levels_.of(config);
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

// False where time ran out before they gave a winner.
bool Search::run_final() {
  const std::vector<KernelConfig> close = choose_finalists();
  if (close.size() < 2) return true;
  if (stopped()) return false;
  const std::vector<Racer> finalists = prepared_finalists(close);
  const FinalRules final_rules{.rounds = final_rounds(close), .busy = [&](const std::vector<Racer>& racers) {
                                 return levels_.busier_than_known(racers);
                               }};
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
  if (finals.racers.empty() || broken_) return !stopped();
  const double scale = levels_.scale(levels_.pace(finals.racers.front()));
  for (const Racer& racer : finals.racers) {
    throttled_ += racer.measurement.throttled;
    store(racer.config, racer.measurement, false, scale);
    finalists_.insert(to_string(racer.config));
  }
  return true;
}

// `ratio`: of the winner's time to the one of `trial`, by what both raced.
std::string Search::why_beaten(const Trial& trial, double ratio) const {
  if (ratio < 1) {
    return fmt::format("{}{:.1f} % slower than the winner by what both raced.", kOtherPace, 100 * (1 / ratio - 1));
  }
  if (in_doubt(trial) && !finalists_.contains(to_string(trial.config))) {
    return fmt::format("{}seemed {:.1f} % faster, and was no finalist.", kOtherPace, 100 * (ratio - 1));
  }
  return fmt::format("{:.1f} % faster than the incumbent, within the tie of {:.1f} %: the incumbent stays.",
                     100 * (ratio - 1), 100 * options_.policy.tie);
}

// The fastest, unless an incumbent that was measured before is as good. Winners are the fastest measured trial of the
// database, so that a challenger that does not win must not be one.
void Search::crown() {
  const std::optional<KernelConfig> best = best_so_far();
  if (!best) return;
  Trial winner = trials_.at(to_string(*best));
  if (const auto found = trials_.find(to_string(incumbent_)); incumbent_measured_ && found != trials_.end()) {
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

}  // namespace fftconv
