// The trials that a calibration learns from.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "environment_distance.h"
#include "tuning_db_state.h"

namespace fftconv {
namespace {

using Numbered = std::pair<std::int64_t, Trial>;  // by row, which grows with time
using ByProblem = std::map<std::string, std::vector<Numbered>>;

// As many of a problem as a calibration needs to learn which of its candidates is better.
constexpr std::size_t enough_of_problem = 8;

struct Source {
  std::int64_t row = 0;
  Environment environment;
  int difference = 0;
  std::int64_t newest = 0;  ///< trial
};

// Environments of this device and policy, the nearest first; of equally near ones that with the newest trial.
Result<std::vector<Source>> sources_of(sqlite::Connection& db, const Environment& wanted) {
  auto environments = all_environments(db);
  if (!environments) return environments.error();
  std::vector<Source> sources;
  for (auto& [row, e] : *environments) {
    if (!same_device(e, wanted) || e.policy != wanted.policy) continue;
    auto query = db.query("SELECT ifnull(max(id), 0) FROM trial INDEXED BY trial_environment WHERE environment=?");
    auto there = query.bind(row).next();
    if (!there) return there.error();
    sources.push_back({row, e, difference(e, wanted), *there ? query.integer(0) : 0});
  }
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) {
    return std::pair{a.difference, -a.newest} < std::pair{b.difference, -b.newest};
  });
  return sources;
}

Result<ByProblem> latest_of(sqlite::Connection& db, const Source& source, int limit) {
  ByProblem trials;
  auto query = db.query(recent_trials_sql);
  query.bind(source.row, limit);
  for (;;) {
    auto row = query.next();
    if (!row) return row.error();
    if (!*row) return trials;
    const std::string text = query.text(17);
    auto problem = parse_problem(text);
    if (!problem) continue;  // told by those who ask for that problem
    auto trial = read_trial(query, source.environment, *problem, text);
    if (trial) trials[text].emplace_back(query.integer(0), std::move(*trial));
  }
}

// Moves over the problems that no nearer environment has, or has too few trials of. Trials of a problem are compared
// with one another, so that they are never of two environments.
void add_missing(ByProblem& all, ByProblem& more) {
  for (auto& [problem, trials] : more) {
    std::vector<Numbered>& known = all[problem];
    if (known.empty() || (known.size() < enough_of_problem && trials.size() >= enough_of_problem))
      known = std::move(trials);
  }
}

std::size_t count_of(const ByProblem& all) {
  std::size_t count = 0;
  for (const auto& [problem, trials] : all) count += trials.size();
  return count;
}

}  // namespace

std::vector<Trial> TuningDb::recent_trials(const Environment& environment, int limit) {
  const auto most = static_cast<std::size_t>(std::max(limit, 0));
  ByProblem all;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    all.clear();
    auto sources = sources_of(db, environment);
    if (!sources) return sources.error();
    for (const Source& source : *sources) {
      if (count_of(all) >= most) break;
      auto trials = latest_of(db, source, limit);
      if (!trials) return trials.error();
      add_missing(all, *trials);
    }
    return {};
  });
  std::vector<Numbered> sorted;
  for (auto& [problem, trials] : all) std::move(trials.begin(), trials.end(), std::back_inserter(sorted));
  std::sort(sorted.begin(), sorted.end(), [](const Numbered& a, const Numbered& b) { return a.first > b.first; });
  if (sorted.size() > most) sorted.resize(most);
  std::vector<Trial> latest;
  latest.reserve(sorted.size());
  for (auto& [row, trial] : sorted) latest.push_back(std::move(trial));
  return latest;
}

}  // namespace fftconv
