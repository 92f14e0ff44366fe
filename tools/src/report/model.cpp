#include "report/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "fftconv/cost_model.h"
#include "fftconv/statistics.h"
#include "recorded.h"
#include "report/statistics.h"

namespace fftconv::tools {
namespace {

/// What the problems of one chart share.
std::string family_name(const Problem& p) {
  Problem rest = p;
  rest.seqlen = rest.filter_len = 1;
  rest.batch = rest.channels = 1;
  std::string text = to_string(rest);
  const std::string sizes = "/L1/k1/b1/h1";
  if (const auto at = text.find(sizes); at != std::string::npos) text.erase(at, sizes.size());
  const double share = static_cast<double>(p.filter_len) / static_cast<double>(p.seqlen);
  return fmt::format("{}, {}, batch {}", text,
                     p.filter_len == p.seqlen ? "k = L" : fmt::format("k = {:.3g} L", share), p.batch);
}

std::vector<Family> families_of(const std::vector<ProblemResult>& problems) {
  std::map<std::string, Family> by_name;
  for (std::size_t i = 0; i < problems.size(); ++i) {
    Family& family = by_name[family_name(problems[i].problem)];
    const bool is_new =
        family.problems.empty() || problems[family.problems.back()].problem.seqlen != problems[i].problem.seqlen;
    family.lengths += is_new ? 1 : 0;  // problems are sorted by length
    family.problems.push_back(i);
  }
  std::vector<Family> families;
  for (auto& [name, family] : by_name) {
    family.name = name;
    families.push_back(std::move(family));
  }
  std::stable_sort(families.begin(), families.end(),
                   [](const Family& a, const Family& b) { return a.lengths > b.lengths; });
  return families;
}

void add_contest(ProblemResult& result, const Trial& trial) {
  const int order = static_cast<int>(trial.config.radices.size());
  const double seconds = trial.measurement.median;
  for (Contest& contest : result.contests) {
    if (contest.order != order || contest.strategy != trial.config.strategy) continue;
    if (seconds < contest.seconds) contest = {order, contest.strategy, seconds, to_string(trial.config)};
    return;
  }
  result.contests.push_back({order, trial.config.strategy, seconds, to_string(trial.config)});
}

void find_regret(ProblemResult& result, const std::vector<const Trial*>& trials) {
  const auto none = [&result](const char* why) { result.why_no_regret = why; };
  if (!result.search) return none("no search on record");
  if (result.search->rigor != "exhaustive") return none("no exhaustive search");
  if (!result.search->complete) return none("search not complete");
  if (result.search->first.empty()) return none("first choice not on record");
  if (!result.winner) return none("no winner");
  for (const Trial* trial : trials) {
    if (to_string(trial->config) != result.search->first) continue;
    const bool timed = was_timed(trial->measurement.status) && trial->measurement.median > 0;
    if (!timed) return none("first choice failed");
    if (at_other_pace(trial->measurement)) return none("first choice timed at another pace of the machine");
    // One that lost by the tie alone may have the lower median.
    result.regret_of_first = std::max(0.0, trial->measurement.median / result.winner->measurement.median - 1);
    return;
  }
  none("first choice not tried");
}

ProblemResult result_of(const std::vector<const Trial*>& trials, const ReportInputs& inputs,
                        const std::optional<KnownFacts>& facts) {
  const Trial& any = *trials.front();
  ProblemResult result{.problem = any.problem, .trials = static_cast<int>(trials.size())};
  for (const Trial* trial : trials) {
    if (!can_win(*trial)) continue;
    if (!result.winner || is_better(*trial, *result.winner)) result.winner = *trial;
    add_contest(result, *trial);
  }
  std::sort(result.contests.begin(), result.contests.end(),
            [](const Contest& a, const Contest& b) { return a.seconds < b.seconds; });
  if (facts) result.floor_s = floor_seconds(any.problem, facts->facts);
  const std::string text = to_string(any.problem);
  for (const BenchEntry& entry : inputs.bench) {
    const Environment& e = any.environment;
    // Times of another state of the cache would be no comparison.
    if (entry.problem == text && entry.device == e.device && entry.kind == e.kind && entry.cache == e.policy)
      result.peers.insert(result.peers.end(), entry.peers.begin(), entry.peers.end());
  }
  if (inputs.search) result.search = inputs.search(any.environment, any.problem);
  find_regret(result, trials);
  return result;
}

void add_predictions(Section& section, const std::vector<const Trial*>& trials, double& weight) {
  std::vector<double> predicted, measured;
  for (const Trial* trial : trials) {
    if (trial->measurement.status != TrialStatus::measured || !(trial->predicted_s > 0)) continue;
    predicted.push_back(trial->predicted_s);
    measured.push_back(trial->measurement.median);
    section.predictions.push_back({trial->predicted_s, trial->measurement.median, trial->config.strategy});
  }
  if (predicted.size() < 3) return;
  const double count = static_cast<double>(predicted.size());
  section.quality.rank_correlation += rank_correlation(predicted, measured) * count;
  weight += count;
}

void add_error(std::map<std::string, ErrorGroup>& groups, const Trial& trial) {
  const double error = trial.measurement.error;
  if (error < 0) return;
  const std::string name =
      fmt::format("{} arithmetic, {} in memory", to_string(trial.problem.precision), to_string(trial.problem.io));
  ErrorGroup& group = groups[name];
  group.name = name;
  const double share = error / error_budget(trial.problem);
  group.over += share > 1 ? 1 : 0;
  if (!std::isfinite(error)) {
    ++group.not_finite;
    return;
  }
  group.errors.push_back(error);
  group.of_budget.push_back(share);
}

std::vector<FailureGroup> failures_of(const std::vector<const Trial*>& trials) {
  std::map<std::pair<TrialStatus, std::string>, FailureGroup> groups;
  for (const Trial* trial : trials) {
    const Measurement& m = trial->measurement;
    if (was_timed(m.status)) continue;
    FailureGroup& group = groups[{m.status, m.reason}];
    if (group.count++ == 0) {
      group.status = m.status;
      group.reason = m.reason;
      group.example = to_string(trial->problem) + ", " + to_string(trial->config);
    }
  }
  std::vector<FailureGroup> sorted;
  for (auto& [key, group] : groups) sorted.push_back(std::move(group));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const FailureGroup& a, const FailureGroup& b) { return a.count > b.count; });
  return sorted;
}

void count_refused(Section& section, const std::string& lines) {
  std::size_t at = 0;
  while (at < lines.size()) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    const std::string line = lines.substr(at, end - at);
    at = end + 1;
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) continue;
    section.refused[line.substr(space + 1)] += std::atoll(line.c_str());
  }
}

Section section_of(const std::vector<const Trial*>& trials, const ReportInputs& inputs) {
  Section section{.environment = trials.front()->environment, .trials = static_cast<int>(trials.size())};
  const auto facts = inputs.facts ? inputs.facts(section.environment) : std::nullopt;
  section.floor_source = facts ? facts->source
                               : fmt::format(
                                     "No floor: the rates of {} ({}) are not known here. Make the report on "
                                     "the machine that has the device to see it.",
                                     section.environment.device, section.environment.arch);
  using Key = std::tuple<std::int64_t, std::string>;
  std::map<Key, std::vector<const Trial*>> by_problem;
  std::map<std::string, ErrorGroup> errors;
  section.first_time = trials.front()->unix_time;
  for (const Trial* trial : trials) {
    section.first_time = std::min(section.first_time, trial->unix_time);
    section.last_time = std::max(section.last_time, trial->unix_time);
    by_problem[{trial->problem.seqlen, to_string(trial->problem)}].push_back(trial);
    add_error(errors, *trial);
  }
  double weight = 0;
  for (const auto& [key, of_problem] : by_problem) {
    section.problems.push_back(result_of(of_problem, inputs, facts));
    add_predictions(section, of_problem, weight);
    if (const auto& search = section.problems.back().search) count_refused(section, search->refused);
  }
  if (weight > 0) section.quality.rank_correlation /= weight;
  std::vector<double> ratios;
  for (const Prediction& p : section.predictions) ratios.push_back(p.measured_s / p.predicted_s);
  std::sort(ratios.begin(), ratios.end());
  section.quality.median_ratio = quantile_of_sorted(ratios, 0.5);
  section.quality.low_ratio = quantile_of_sorted(ratios, 0.05);
  section.quality.high_ratio = quantile_of_sorted(ratios, 0.95);
  for (auto& [name, group] : errors) {
    std::sort(group.errors.begin(), group.errors.end());
    std::sort(group.of_budget.begin(), group.of_budget.end());
    section.errors.push_back(std::move(group));
  }
  section.families = families_of(section.problems);
  section.failures = failures_of(trials);
  return section;
}

}  // namespace

Report make_report(const ReportInputs& inputs) {
  std::map<std::string, std::vector<const Trial*>> by_environment;
  for (const Trial& trial : inputs.trials) by_environment[to_string(trial.environment)].push_back(&trial);
  Report report;
  for (const auto& [text, trials] : by_environment) report.sections.push_back(section_of(trials, inputs));
  std::stable_sort(report.sections.begin(), report.sections.end(),
                   [](const Section& a, const Section& b) { return a.last_time > b.last_time; });
  report.with_bench = !inputs.bench.empty();
  return report;
}

}  // namespace fftconv::tools
