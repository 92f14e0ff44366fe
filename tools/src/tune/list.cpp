// list: what was measured.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <map>

#include "database.h"
#include "json_out.h"
#include "table.h"
#include "tune/commands.h"

namespace fftconv::tools {
namespace {

bool comes_before(const Trial& a, const Trial& b) {
  const bool a_measured = a.measurement.status == TrialStatus::measured;
  const bool b_measured = b.measurement.status == TrialStatus::measured;
  if (a_measured != b_measured) return a_measured;
  return a_measured && a.measurement.median < b.measurement.median;
}

struct Row {
  Trial trial;
  int trials = 0;  ///< of this problem in this environment
};

std::string date(std::int64_t unix_time) {
  const auto time = static_cast<std::time_t>(unix_time);
  std::tm utc{};
  if (unix_time <= 0 || ::gmtime_r(&time, &utc) == nullptr) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M}", utc);
}

std::string result_text(const Measurement& measurement) {
  if (measurement.status == TrialStatus::measured) return show_seconds(measurement.median);
  return to_string(measurement.status);
}

std::string as_table(const std::vector<Row>& rows, bool all) {
  if (rows.empty()) return "nothing was measured yet; fftconv-tune sweep does\n";
  Table table({{"problem"},
               {"device"},
               {"policy"},
               {"kernel"},
               {"median", Align::right},
               {"error", Align::right},
               {all ? "reason" : "trials"},
               {"measured (UTC)"}});
  for (const auto& [trial, trials] : rows) {
    table.add({to_string(trial.problem), trial.environment.device + " " + trial.environment.compiler,
               trial.environment.policy, to_string(trial.config), result_text(trial.measurement),
               show_error(trial.measurement.error),
               all ? trial.measurement.reason.substr(0, 60) : fmt::format("{}", trials), date(trial.unix_time)});
  }
  return table.text();
}

}  // namespace

int list(const TuneOptions& options, const Console& console) {
  const bool own = options.db.empty();
  auto database = open_to_read(own ? tuning_db_file() : std::filesystem::path(options.db), &console);
  std::vector<Row> rows;
  // Having measured nothing yet is no failure; a database that was named and is not there is.
  if (!database && !(own && database.error().code == ErrorCode::not_found)) {
    Error error = database.error();
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::invalid_argument;
    return console.fail(error);
  }
  if (database) {
    std::map<std::string, std::size_t> places;
    const auto visited = database->for_each([&](const Trial& trial) {
      const std::string problem = to_string(trial.problem);
      if (problem.find(options.match) == std::string::npos) return true;
      const Environment& e = trial.environment;
      const std::string key = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", problem, e.device, e.kind, e.arch, e.driver,
                                          e.compiler, e.generator_digest, e.policy);
      const auto [place, is_new] = places.try_emplace(key, rows.size());
      if (is_new || options.all) {
        rows.push_back({trial, 1});
        return true;
      }
      Row& row = rows[place->second];
      ++row.trials;
      if (comes_before(trial, row.trial)) row.trial = trial;
      return true;
    });
    if (!visited) return console.fail(visited.error());
  }
  if (!options.json) return finish(console, as_table(rows, options.all));
  Json json = Json::array();
  for (const Row& row : rows) {
    json.push_back(to_json(row.trial));
    if (!options.all) json.back()["trials"] = row.trials;
  }
  return finish(console, dump(json));
}

}  // namespace fftconv::tools
