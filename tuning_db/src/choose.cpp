#include <fmt/format.h>

#include <algorithm>

#include "environment_distance.h"
#include "names.h"
#include "near_problems.h"
#include "tuning_db_state.h"

namespace fftconv {
namespace {

using Adapt = std::function<std::optional<KernelConfig>(const KernelConfig&)>;

struct NearEnvironment {
  std::int64_t row = 0;
  Environment environment;
  int difference = 0;
};

std::string what_differs(const Environment& a, const Environment& b) {
  std::string text;
  auto add = [&](const char* name, const std::string& there, const std::string& here) {
    if (there != here) text += fmt::format("{}{} {} instead of {}", text.empty() ? "" : ", ", name, there, here);
  };
  add("driver", a.driver, b.driver);
  add("compiler", a.compiler, b.compiler);
  add("generator", a.generator_digest.substr(0, 8), b.generator_digest.substr(0, 8));
  add("policy", a.policy, b.policy);
  return text.empty() ? "the same toolchain" : text;
}

class Chooser {
 public:
  Chooser(Store& store, bool shipped, const Environment& environment, const Problem& problem, const Adapt& adapt)
      : store_(store), shipped_(shipped), environment_(environment), problem_(problem), adapt_(adapt) {}

  Result<std::optional<Choice>> choose(sqlite::Connection& db) {
    auto problem_row = find_problem(db, problem_);
    if (!problem_row) return problem_row.error();
    auto environments = all_environments(db);
    if (!environments) return environments.error();
    std::vector<NearEnvironment> mine, other, here, alike;  // this one; other toolchains; this device; this arch
    for (const auto& [row, e] : *environments) {
      NearEnvironment near{row, e, difference(e, environment_)};
      (e == environment_ ? mine : other).push_back(near);
      if (same_device(e, environment_))
        here.push_back(near);
      else if (e.arch == environment_.arch && e.kind == environment_.kind)
        alike.push_back(near);
    }
    std::erase_if(other, [&](const auto& near) { return !same_device(near.environment, environment_); });
    for (auto* list : {&other, &here, &alike})
      std::stable_sort(list->begin(), list->end(),
                       [](const auto& a, const auto& b) { return a.difference < b.difference; });
    if (*problem_row != 0) {
      if (auto found = best(db, Provenance::exact, *problem_row, problem_, mine); !found || *found) return found;
      if (auto found = best(db, Provenance::other_toolchain, *problem_row, problem_, other); !found || *found)
        return found;
    }
    if (here.empty() && alike.empty()) return std::optional<Choice>();
    for (auto [provenance, where] : {std::pair{Provenance::nearest_size, &here}, {Provenance::same_arch, &alike}}) {
      if (where->empty()) continue;
      NearProblems problems(db, problem_);
      for (;;) {
        auto near = problems.next();
        if (!near) return near.error();
        if (!*near) break;
        auto found = best(db, provenance, **near, std::nullopt, *where);
        if (!found || *found) return found;
      }
    }
    return std::optional<Choice>();
  }

 private:
  // The text of a problem is read only where one of its trials is going to be used.
  Result<std::optional<Problem>> problem_of(sqlite::Connection& db, std::int64_t row) {
    auto query = db.query("SELECT text FROM problem WHERE id=?");
    auto there = query.bind(row).next();
    if (!there) return there.error();
    if (!*there) return std::optional<Problem>();
    auto problem = parse_problem(query.text(0));
    if (problem && family_of(*problem) == family_of(problem_)) return std::optional<Problem>(*problem);
    store_.say(fmt::format("problem {} counts as a miss: its text \"{}\" does not fit its row", row, query.text(0)));
    return std::optional<Problem>();
  }

  Result<std::optional<Choice>> best(sqlite::Connection& db, Provenance provenance, std::int64_t problem_row,
                                     std::optional<Problem> problem, const std::vector<NearEnvironment>& where) {
    for (const NearEnvironment& near : where) {
      auto query = db.query(best_trials_sql);
      query.bind(problem_row, near.row);
      for (;;) {
        auto row = query.next();
        if (!row) return row.error();
        if (!*row) break;
        if (!problem) {
          auto read = problem_of(db, problem_row);
          if (!read) return read.error();
          if (!*read) return std::optional<Choice>();
          problem = **read;
        }
        auto trial = read_trial(query, near.environment, *problem, to_string(*problem));
        if (!trial) {
          store_.say(fmt::format("trial {} counts as a miss: {}", query.integer(0), trial.error().message));
          continue;
        }
        auto config = adapt_ ? adapt_(trial->config) : std::optional<KernelConfig>(trial->config);
        if (!config) continue;
        Choice choice{*config, provenance, trial->measurement.median, {}};
        auto second = next_best(query, *trial);
        choice.explanation = explain(provenance, *trial, *config, second);
        return std::optional<Choice>(std::move(choice));
      }
    }
    return std::optional<Choice>();
  }

  // Median of the trial behind the winner; 0 where there is none.
  double next_best(sqlite::Query& query, const Trial& winner) {
    for (;;) {
      auto row = query.next();
      if (!row || !*row) return 0;
      auto trial = read_trial(query, winner.environment, winner.problem, to_string(winner.problem));
      if (trial) return trial->measurement.median;
    }
  }

  std::string explain(Provenance provenance, const Trial& trial, const KernelConfig& config, double second) {
    std::string text;
    std::string date = date_text(trial.unix_time);
    const Environment& e = trial.environment;
    const char* device = shipped_ ? "such a" : "this";
    switch (provenance) {
      case Provenance::exact:
        text = fmt::format("measured {} on {}", shipped_ ? "in the same environment" : "here", date);
        break;
      case Provenance::other_toolchain:
        text = fmt::format("measured on {} device on {} under {}", device, date, what_differs(e, environment_));
        break;
      case Provenance::nearest_size:
        text = fmt::format("measured on {} device on {} for the nearest size {} (B*H {})", device, date,
                           to_string(trial.problem), trial.problem.batch * trial.problem.channels);
        break;
      default:
        text = fmt::format("measured on {} (also {}) on {} for {}", e.device, e.arch, date, to_string(trial.problem));
    }
    text += fmt::format(": {}", time_text(trial.measurement.median));
    if (second > 0) text += fmt::format(", 2nd best {}", time_text(second));
    if (!(config == trial.config)) text += fmt::format("; adapted from {}", to_string(trial.config));
    return text;
  }

  Store& store_;
  bool shipped_;  // measured by others, on a device like this one
  const Environment& environment_;
  const Problem& problem_;
  const Adapt& adapt_;
};

}  // namespace

const char* to_string(Provenance provenance) {
  constexpr const char* names[] = {"exact",     "other_toolchain", "nearest_size",
                                   "same_arch", "cost_model",      "plain_default"};
  auto index = static_cast<std::size_t>(provenance);
  return index < std::size(names) ? names[index] : "unknown";
}

std::optional<Choice> TuningDb::choose(const Environment& environment, const Problem& problem, const Adapt& adapt) {
  std::optional<Choice> choice;
  (void)state_->store.read([&](sqlite::Connection& db) -> Result<void> {
    auto found = Chooser(state_->store, state_->shipped, environment, problem, adapt).choose(db);
    if (!found) return found.error();
    choice = std::move(*found);
    return {};
  });
  return choice;
}

}  // namespace fftconv
