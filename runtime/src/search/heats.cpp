// Heats of a search: candidates in the order that the surrogate proposes, a few at a time, each with the best so far.
#include <algorithm>

#include "search/search_state.h"

namespace fftconv {
namespace {

constexpr double kWaitShare = 0.25;  // of the time so far: for races that are held again on a busy machine
constexpr double kDoubtedTies = 40;  // slower than the best while the machine was busy: kernels with streaming stores
                                     // took 1.8 times as long for seconds
constexpr double kPrepareShare = 0.7;  // of the budget: what is prepared must still be raced

}  // namespace

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

// Again and again while the best so far, the first of `racers`, says that the machine is busier than it was.
void Search::race_heat(std::vector<Racer>& racers, bool with_best) {
  const double begin = clock_();
  double first_over = 0;
  const auto is_busy = [&](const Racer& best) {
    if (first_over == 0) first_over = clock_() - begin;
    return with_best && levels_.busy(levels_.pace(best));
  };
  const auto may_wait = [&] { return waited_ + clock_() - begin - first_over < kWaitShare * (clock_() - start_); };
  race_until_quiet(rules(), racers, is_busy, may_wait);
  if (first_over > 0) waited_ += clock_() - begin - first_over;
  if (with_best) levels_.held_race_at(levels_.pace(racers.front()));
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
  const double now = king ? levels_.pace(racers.front()) : 1;
  const double scale = levels_.scale(now);
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
      levels_.confirmed_at(*king, now);
      if (!was_timed(racer.measurement.status) && !racer.unsampled) store(*king, racer.measurement, false);
      continue;
    }
    if (racer.unsampled && racer.measurement.throttled == 0) {
      all = false;  // the budget ended before its first sample: that says nothing of the candidate
      continue;
    }
    // What a busier race says of a candidate that was right in both is worth less than what is known.
    if (again && was_timed(racer.measurement.status) && !levels_.quieter(racer.config, now)) continue;
    store(racer.config, racer.measurement, !again, scale);
    levels_.timed_at(racer.config, now);
  }
  return all && !broken_;
}

// Those that were timed while the machine was busy may be faster than they seemed.
void Search::look_again() {
  std::vector<KernelConfig> doubted;
  const std::optional<KernelConfig> best = best_so_far();
  if (!best) return;
  const double limit = levels_.of(*best) * (1 + kDoubtedTies * options_.policy.tie);
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

}  // namespace fftconv
