#include "scale/row_json.h"

#include <stdexcept>

namespace fftconv::tools {
namespace {

Json name_of(const std::optional<Trial>& trial) { return trial ? Json(to_string(trial->config)) : Json(nullptr); }

std::optional<Trial> trial_named(const Json& name, const std::vector<Trial>& trials) {
  if (name.is_null()) return std::nullopt;
  for (const Trial& trial : trials)
    if (to_string(trial.config) == name.get<std::string>()) return trial;
  throw std::runtime_error("the trial of " + name.get<std::string>() + " is missing");
}

Json to_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> number_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<double>();
}

Json to_json(const SearchRecord& record) {
  return {{"rigor", record.rigor},       {"budget_s", record.budget_s}, {"candidates", record.candidates},
          {"measured", record.measured}, {"complete", record.complete}, {"compiled", record.compiled},
          {"refused", record.refused},   {"first", record.first}};
}

SearchRecord record_of(const Json& json) {
  return {.rigor = json.at("rigor").get<std::string>(),
          .budget_s = json.at("budget_s").get<double>(),
          .candidates = json.at("candidates").get<int>(),
          .measured = json.at("measured").get<int>(),
          .complete = json.at("complete").get<bool>(),
          .compiled = json.at("compiled").get<int>(),
          .refused = json.at("refused").get<std::string>(),
          .first = json.at("first").get<std::string>()};
}

}  // namespace

Environment environment_of(const Json& json) {
  return {.device = json.at("device").get<std::string>(),
          .kind = json.at("kind").get<std::string>(),
          .arch = json.at("arch").get<std::string>(),
          .sm_count = json.at("sm_count").get<int>(),
          .l2_bytes = json.at("l2_bytes").get<long long>(),
          .driver = json.at("driver").get<std::string>(),
          .compiler = json.at("compiler").get<std::string>(),
          .generator_digest = json.at("generator_digest").get<std::string>(),
          .policy = json.at("policy").get<std::string>()};
}

Json to_json(const SweepRow& row) {
  Json json{{"problem", to_string(row.problem)},
            {"environment", to_json(row.environment)},
            {"why_no_winner", row.why_no_winner}};
  if (!row.summary) {
    json["error"] = {{"code", static_cast<int>(row.summary.error().code)}, {"message", row.summary.error().message}};
    return json;
  }
  const SearchSummary& summary = *row.summary;
  json["winner"] = name_of(summary.winner);
  json["plain_default"] = name_of(summary.plain_default);
  json["runner_up"] = name_of(summary.runner_up);
  json["floor_s"] = number(summary.floor_s);
  json["predicted_s"] = number(summary.predicted_s);
  json["calibrated_on"] = summary.calibrated_on;
  json["tie"] = summary.tie;
  json["regret"] = to_json(summary.regret);
  json["regret_of_first"] = to_json(summary.regret_of_first);
  json["record"] = to_json(summary.record);
  json["counts"] = {summary.reused, summary.failed, summary.dropped, summary.throttled, summary.untried};
  return json;
}

SweepRow row_of(const Json& json, const std::vector<Trial>& trials) {
  SweepRow row{.problem = parse_problem(json.at("problem").get<std::string>()).value(),
               .environment = environment_of(json.at("environment")),
               .summary = SearchSummary{},
               .why_no_winner = json.at("why_no_winner").get<std::string>()};
  if (json.contains("error")) {
    const Json& error = json.at("error");
    row.summary = Error{static_cast<ErrorCode>(error.at("code").get<int>()), error.at("message").get<std::string>()};
    return row;
  }
  const Json& counts = json.at("counts");
  row.summary = SearchSummary{.problem = row.problem,
                              .winner = trial_named(json.at("winner"), trials),
                              .plain_default = trial_named(json.at("plain_default"), trials),
                              .floor_s = number_of(json.at("floor_s")).value_or(0),
                              .predicted_s = number_of(json.at("predicted_s")).value_or(0),
                              .calibrated_on = json.at("calibrated_on").get<int>(),
                              .runner_up = trial_named(json.at("runner_up"), trials),
                              .tie = json.at("tie").get<bool>(),
                              .regret = number_of(json.at("regret")),
                              .regret_of_first = number_of(json.at("regret_of_first")),
                              .record = record_of(json.at("record")),
                              .reused = counts.at(0).get<int>(),
                              .failed = counts.at(1).get<int>(),
                              .untried = counts.at(4).get<int>(),
                              .dropped = counts.at(2).get<int>(),
                              .throttled = counts.at(3).get<int>()};
  return row;
}

}  // namespace fftconv::tools
