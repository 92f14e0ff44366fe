#include "tune/sweep_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "search_details.h"
#include "table.h"

namespace fftconv::tools {
namespace {

Table make_table(bool cuda, bool several) {
  std::vector<Column> columns;
  if (several) columns.push_back({"device"});
  columns.insert(columns.end(), {{"problem"},
                                 {"winner"},
                                 {"median", Align::right},
                                 {"plain default", Align::right},
                                 {"speed-up", Align::right},
                                 {"GB/s", Align::right},
                                 {"error", Align::right},
                                 {"compiled", Align::right},
                                 {"measured", Align::right},
                                 {"regret", Align::right},
                                 {"next best", Align::right}});
  if (cuda) columns.push_back({"predicted floor", Align::right});
  if (cuda) columns.push_back({"over floor", Align::right});
  return Table(std::move(columns));
}

/// How far behind the runner-up is; within the policy's tie it is said to be one.
std::string next_best(const SearchSummary& summary) {
  if (!summary.runner_up) return "-";
  const double ratio = summary.runner_up->measurement.median / summary.winner->measurement.median;
  return fmt::format("{:+.1f} %{}", 100 * (ratio - 1), summary.tie ? " (tie)" : "");
}

std::vector<std::string> cells_of(const SearchSummary& summary) {
  const Measurement& winner = summary.winner->measurement;
  const double plain = summary.plain_default ? summary.plain_default->measurement.median : 0;
  // A candidate that left the race early has an estimate only.
  const char* const about = winner.status == TrialStatus::dropped ? "~" : "";
  return {to_string(summary.problem),
          to_string(summary.winner->config),
          fmt::format("{}{}", about, show_seconds(winner.median)),
          show_seconds(plain),
          plain > 0 ? show_ratio(plain / winner.median) : "-",
          show_rate(io_bytes(summary.problem) / winner.median),
          show_error(winner.error),
          fmt::format("{}", summary.record.compiled),
          measured_text(summary.record),
          summary.regret ? fmt::format("{:.1f} %", 100 * *summary.regret) : "-",
          next_best(summary),
          show_seconds(summary.floor_s),
          summary.floor_s > 0 ? show_ratio(winner.median / summary.floor_s) : "-"};
}

Json row_json(const SearchSummary& summary) {
  Json json{{"problem", to_json(summary.problem)}};
  if (summary.winner) {
    json["winner"] = {{"config", to_string(summary.winner->config)},
                      {"measurement", to_json(summary.winner->measurement)}};
  }
  if (summary.plain_default) {
    json["plain_default"] = {{"config", to_string(summary.plain_default->config)},
                             {"measurement", to_json(summary.plain_default->measurement)}};
  }
  json["floor_s"] = number(summary.floor_s);
  json["predicted_s"] = number(summary.predicted_s);
  json["candidates"] = summary.record.candidates;
  json["compiled"] = summary.record.compiled;
  json["measured"] = summary.record.measured;
  json["refused"] = Json::array();
  for (const auto& [count, reason] : refusals_of(summary.record)) {
    json["refused"].push_back({{"count", count}, {"reason", reason}});
  }
  json["first"] = summary.record.first;
  json["calibrated_on"] = summary.calibrated_on;
  json["regret"] = summary.regret ? number(*summary.regret) : Json(nullptr);
  json["regret_of_first"] = summary.regret_of_first ? number(*summary.regret_of_first) : Json(nullptr);
  json["tie"] = summary.tie;
  if (summary.runner_up) {
    json["runner_up"] = {{"config", to_string(summary.runner_up->config)},
                         {"median", number(summary.runner_up->measurement.median)}};
  }
  json["complete"] = summary.record.complete;
  json["reused"] = summary.reused;
  json["failed"] = summary.failed;
  json["untried"] = summary.untried;
  json["dropped"] = summary.dropped;
  json["throttled"] = summary.throttled;
  return json;
}

/// Where chosen orders are asked for and all their candidates left the race to the plain default, the fastest of them
/// is still the answer.
std::optional<Trial> fastest_dropped(TuningDb& database, const Environment& environment, const Problem& problem,
                                     const Orders& orders) {
  for (const Trial& trial : database.trials(environment, problem)) {
    if (trial.measurement.status == TrialStatus::dropped && has_order(trial.config, orders)) return trial;
  }
  return std::nullopt;
}

}  // namespace

SweepReport::SweepReport(const SweepJob& job, const Console& console)
    : job_(job), progress_(console.tool(), static_cast<int>(job.problems.size())) {}

void SweepReport::step(const SweepProgress& step) {
  const std::string name = to_string(*step.current);
  const double share = step.total > 0 ? static_cast<double>(step.done) / step.total : 0;
  const std::string label =
      step.finished || step.total == 0 ? name : fmt::format("candidate {} of {}, {}", step.done, step.total, name);
  progress_.expect(static_cast<int>(step.problems));
  progress_.advance(step.finished ? 1 : share, label, step.seconds_left);
}

void SweepReport::add(const SweepRow& row, TuningDb& database) {
  Found found{row.environment, row.problem, std::nullopt, {}};
  if (row.summary) found.summary = *row.summary;
  if (found.summary && !found.summary->winner && !job_.orders.empty()) {
    found.summary->winner = fastest_dropped(database, row.environment, row.problem, job_.orders);
  }
  if (found.summary && found.summary->winner) {
    progress_.finish(show_seconds(found.summary->winner->measurement.median));
  } else {
    found.why_no_winner = row.why_no_winner;
    progress_.note(fmt::format("error: {}: {}", to_string(row.problem), row.why_no_winner));
    progress_.finish("failed");
  }
  found_.push_back(std::move(found));
}

SweepAnswer SweepReport::answer(const Environment& environment) {
  std::vector<Environment> environments{environment};
  bool cuda = environment.kind == "cuda";
  const auto place = [&](const Environment& one) {
    return std::find(environments.begin(), environments.end(), one) - environments.begin();
  };
  for (const Found& found : found_) {
    if (place(found.environment) < std::ssize(environments)) continue;
    environments.push_back(found.environment);
    cuda |= found.environment.kind == "cuda";
  }
  const auto index = [&](const Problem& problem) {
    return std::find(job_.problems.begin(), job_.problems.end(), problem) - job_.problems.begin();
  };
  std::stable_sort(found_.begin(), found_.end(), [&](const Found& a, const Found& b) {
    return std::pair(place(a.environment), index(a.problem)) < std::pair(place(b.environment), index(b.problem));
  });
  const bool several = environments.size() > 1;
  SweepAnswer answer;
  answer.json = {{"environment", to_json(environment)},
                 {"rigor", to_string(job_.rigor)},
                 {"measured", true},
                 {"problems", Json::array()}};
  Table table = make_table(cuda, several);
  std::string details;
  for (const Found& found : found_) {
    const bool won = found.summary && found.summary->winner;
    Json row{{"problem", to_json(found.problem)}};
    if (found.summary) row = row_json(*found.summary);
    if (!won) row["failed"] = found.why_no_winner;
    if (several) row["environment"] = to_json(found.environment);
    answer.json["problems"].push_back(std::move(row));
    if (found.summary)
      details += "\n" + (several ? found.environment.device + ", " : "") + search_details(*found.summary);
    if (!won) {
      ++answer.failed;
      continue;
    }
    std::vector<std::string> cells = cells_of(*found.summary);
    if (several) cells.insert(cells.begin(), found.environment.device);
    table.add(std::move(cells));
  }
  if (!table.empty()) answer.table = table.text();
  if (!job_.policy.cold) {
    answer.table +=
        "timed with a warm cache; an application gets what was timed with a cold one where there is that\n";
  }
  if (job_.details)
    answer.table += answer.table.empty() ? details.substr(std::min<std::size_t>(1, details.size())) : details;
  return answer;
}

}  // namespace fftconv::tools
