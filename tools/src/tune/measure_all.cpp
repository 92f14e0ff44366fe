#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "fftconv/tuner.h"
#include "fftconv/worker.h"
#include "progress.h"
#include "table.h"
#include "tune/interrupt.h"
#include "tune/sweep.h"

namespace fftconv::tools {
namespace {

Table make_table(bool cuda) {
  std::vector<Column> columns{{"problem"},
                              {"winner"},
                              {"median", Align::right},
                              {"plain default", Align::right},
                              {"speed-up", Align::right},
                              {"GB/s", Align::right},
                              {"error", Align::right},
                              {"measured", Align::right},
                              {"regret", Align::right},
                              {"next best", Align::right}};
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

void add_row(Table& table, const SearchSummary& summary) {
  const Measurement& winner = summary.winner->measurement;
  const double plain = summary.plain_default ? summary.plain_default->measurement.median : 0;
  // A candidate that left the race early has an estimate only.
  const char* const about = winner.status == TrialStatus::dropped ? "~" : "";
  table.add({to_string(summary.problem), to_string(summary.winner->config),
             fmt::format("{}{}", about, show_seconds(winner.median)), show_seconds(plain),
             plain > 0 ? show_ratio(plain / winner.median) : "-",
             show_rate(io_bytes(summary.problem) / winner.median), show_error(winner.error),
             fmt::format("{} of {}", summary.record.measured, summary.record.candidates),
             summary.regret ? fmt::format("{:.1f} %", 100 * *summary.regret) : "-", next_best(summary),
             show_seconds(summary.floor_s), summary.floor_s > 0 ? show_ratio(winner.median / summary.floor_s) : "-"});
}

/// Lines "<count> <sentence>".
std::vector<std::pair<int, std::string>> refusals_of(const SearchRecord& record) {
  std::vector<std::pair<int, std::string>> refusals;
  std::istringstream lines(record.refused);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    if (space != std::string::npos) refusals.emplace_back(std::atoi(line.c_str()), line.substr(space + 1));
  }
  return refusals;
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
  json["dropped"] = summary.dropped;
  json["throttled"] = summary.throttled;
  return json;
}

/// Where chosen orders are asked for and all their candidates left the race to the plain default, the fastest of them
/// is still the answer.
std::optional<Trial> fastest_dropped(Context& context, const Problem& problem, const Orders& orders) {
  std::optional<Trial> fastest;
  context.with_database([&](TuningDb& database) {
    for (const Trial& trial : database.trials(context.environment(), problem)) {
      if (fastest || trial.measurement.status != TrialStatus::dropped) continue;
      if (has_order(trial.config, orders)) fastest = trial;
    }
  });
  return fastest;
}

}  // namespace

SweepAnswer measure_all(Context& context, const SweepJob& job, const Console& console) {
  const bool cuda = context.device().facts().kind == DeviceKind::cuda;
  SweepAnswer answer;
  answer.json = {{"environment", to_json(context.environment())},
                 {"rigor", to_string(job.rigor)},
                 {"measured", true},
                 {"problems", Json::array()}};
  Table table = make_table(cuda);
  Progress progress(console.tool(), static_cast<int>(job.problems.size()));
  SweepOptions options;
  options.rigor = job.rigor;
  options.budget_s = job.budget_s;
  options.max_trials = job.trials;
  if (!job.in_process) {
    const auto pool = make_worker_pool();
    if (pool) {
      options.runner = [pool = *pool, &options](Context& context, const Problem& problem) {
        return make_worker_runner(pool, context, problem, options.policy);
      };
    } else {
      console.note("candidates run in this process, where one that crashes ends the sweep: " + pool.error().message);
    }
  }
  options.cancelled = [] { return interrupted() != 0; };
  if (!job.orders.empty()) {
    options.wanted = [&](const KernelConfig& config) { return has_order(config, job.orders); };
  }
  const auto finish_row = [&](const SweepRow& row) {
    SearchSummary summary = row.summary ? *row.summary : SearchSummary{.problem = row.problem};
    if (row.summary && !summary.winner && !job.orders.empty()) {
      summary.winner = fastest_dropped(context, row.problem, job.orders);
    }
    if (summary.winner) {
      add_row(table, summary);
      answer.json["problems"].push_back(row_json(summary));
      progress.finish(show_seconds(summary.winner->measurement.median));
      return;
    }
    ++answer.failed;
    answer.json["problems"].push_back({{"problem", to_json(row.problem)}, {"failed", row.why_no_winner}});
    progress.note(fmt::format("error: {}: {}", to_string(row.problem), row.why_no_winner));
    progress.finish("failed");
  };
  options.progress = [&](const SweepProgress& step) {
    const std::string name = to_string(*step.current);
    const double share = step.total > 0 ? static_cast<double>(step.done) / step.total : 0;
    const std::string label =
        step.finished || step.total == 0 ? name : fmt::format("candidate {} of {}, {}", step.done, step.total, name);
    progress.advance(step.finished ? 1 : share, label, step.seconds_left);
    if (step.finished) finish_row(*step.finished);
  };
  fftconv::sweep(context, job.problems, options);
  if (!table.empty()) answer.table = table.text();
  return answer;
}

}  // namespace fftconv::tools
