// What a search tells: winner, runner-up, regret, and how much of the space it saw.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "search/search_state.h"

namespace fftconv {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

SearchSummary Search::summarise_search() {
  SearchSummary summary;
  summary.problem = problem_;
  summary.floor_s = floor_seconds(problem_, facts_);
  summary.reused = reused_;
  summary.throttled = throttled_;
  summary.calibrated_on = calibrated_on_;
  for (const std::string& name : passed_over_) summary.untried += !trials_.contains(name);
  int compiled = 0;
  for (const auto& [name, trial] : trials_) {
    const TrialStatus status = trial.measurement.status;
    // The plain default, or what won for a neighbour, may be tried without being of the space.
    const bool of_space = place_.contains(name);
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
                    .measured = timed_of_space(),
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
    if (was_timed(trials_.at(name).measurement.status)) best = std::min(best, levels_.of(name));
  }
  const auto behind = [&](const std::string& name) -> std::optional<double> {
    const auto found = trials_.find(name);
    if (found == trials_.end() || !(level(found->second) > 0)) return std::nullopt;
    // What an earlier search timed at another pace has no level in this one.
    const bool apart = at_other_pace(found->second.measurement) && !levels_.timed(found->second.config);
    if (apart) return std::nullopt;
    return std::max(0.0, level(found->second) / best - 1);
  };
  summary.regret = behind(chosen_before_ ? to_string(*chosen_before_) : to_string(summary.winner->config));
  summary.regret_of_first = behind(first_);
}

}  // namespace fftconv
