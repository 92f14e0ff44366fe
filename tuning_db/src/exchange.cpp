#include "exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "names.h"
#include "tuning_db_state.h"

namespace fftconv {
namespace {

using Json = nlohmann::ordered_json;

constexpr int line_format = 1;

// JSON has no infinity; an error of infinity is what a kernel that wrote NaN has.
Json number(double value) { return std::isinf(value) ? Json(value > 0 ? "inf" : "-inf") : Json(value); }

double number_of(const Json& json) {
  if (json.is_string() && json.get<std::string>() == "inf") return std::numeric_limits<double>::infinity();
  if (json.is_string() && json.get<std::string>() == "-inf") return -std::numeric_limits<double>::infinity();
  return json.get<double>();
}

template <class Integer>
Integer integer_of(const Json& json, const char* name) {
  const Json& value = json.at(name);
  if (!value.is_number_integer()) throw std::out_of_range(fmt::format("{} is not an integer", name));
  // What is above the range of int64 is kept as unsigned and would come out negative.
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    throw std::out_of_range(fmt::format("{} does not fit", name));
  auto wide = value.get<std::int64_t>();
  if (wide < std::numeric_limits<Integer>::min() || wide > std::numeric_limits<Integer>::max())
    throw std::out_of_range(fmt::format("{} does not fit", name));
  return static_cast<Integer>(wide);
}

Environment environment_of(const Json& json) {
  Environment e;
  e.device = json.at("device").get<std::string>();
  e.kind = json.at("kind").get<std::string>();
  e.arch = json.at("arch").get<std::string>();
  e.sm_count = integer_of<int>(json, "sm_count");
  e.l2_bytes = integer_of<long long>(json, "l2_bytes");
  e.driver = json.at("driver").get<std::string>();
  e.compiler = json.at("compiler").get<std::string>();
  e.generator_digest = json.at("generator_digest").get<std::string>();
  e.policy = json.at("policy").get<std::string>();
  return e;
}

Result<Trial> trial_of(const Json& json) {
  if (integer_of<int>(json, "format") != line_format)
    return invalid(fmt::format("its format is {}, this fftconv reads {}", json.at("format").dump(), line_format));
  Trial trial;
  trial.environment = environment_of(json.at("environment"));
  auto problem = parse_problem(json.at("problem").get<std::string>());
  if (!problem) return problem.error();
  trial.problem = *problem;
  auto config = parse_config(json.at("config").get<std::string>());
  if (!config) return config.error();
  trial.config = *config;
  Measurement& m = trial.measurement;
  auto status = parse_status(json.at("status").get<std::string>());
  if (!status) return invalid(fmt::format("status {} is none that is known", json.at("status").dump()));
  m.status = *status;
  m.reason = json.at("reason").get<std::string>();
  for (const Json& sample : json.at("samples")) m.samples.push_back(sample.get<double>());
  m.lower_quartile = json.at("lower_quartile").get<double>();
  m.median = json.at("median").get<double>();
  m.upper_quartile = json.at("upper_quartile").get<double>();
  m.error = number_of(json.at("error"));
  m.clock_hz = json.at("clock_hz").get<double>();
  m.throttled = integer_of<int>(json, "throttled");
  m.registers = integer_of<int>(json, "registers");
  m.spill_bytes = integer_of<int>(json, "spill_bytes");
  m.compile_s = json.at("compile_s").get<double>();
  trial.unix_time = integer_of<std::int64_t>(json, "unix_time");
  if (json.contains("predicted_s")) trial.predicted_s = json.at("predicted_s").get<double>();
  if (auto fine = check_trial(trial); !fine) return fine.error();
  return trial;
}

/// Parses, and refuses an object that has a key twice: parsers differ in which of the two they keep.
Json parse_once(std::string_view line) {
  std::vector<std::set<std::string>> open;
  return Json::parse(line, [&open](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
      throw std::invalid_argument(fmt::format("key {} stands there twice", parsed.dump()));
    return true;
  });
}

}  // namespace

std::string format_line(const Trial& trial) {
  const Environment& e = trial.environment;
  const Measurement& m = trial.measurement;
  Json json = {{"format", line_format},
               {"environment",
                {{"device", e.device},
                 {"kind", e.kind},
                 {"arch", e.arch},
                 {"sm_count", e.sm_count},
                 {"l2_bytes", e.l2_bytes},
                 {"driver", e.driver},
                 {"compiler", e.compiler},
                 {"generator_digest", e.generator_digest},
                 {"policy", e.policy}}},
               {"problem", to_string(trial.problem)},
               {"config", to_string(trial.config)},
               {"status", to_string(m.status)},
               {"reason", m.reason},
               {"samples", m.samples},
               {"lower_quartile", m.lower_quartile},
               {"median", m.median},
               {"upper_quartile", m.upper_quartile},
               {"error", number(m.error)},
               {"clock_hz", m.clock_hz},
               {"throttled", m.throttled},
               {"registers", m.registers},
               {"spill_bytes", m.spill_bytes},
               {"compile_s", m.compile_s},
               {"unix_time", trial.unix_time}};
  if (trial.predicted_s != 0) json["predicted_s"] = trial.predicted_s;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Trial> parse_line(std::string_view line) {
  // The JSON library reports by exceptions; they end here.
  try {
    return trial_of(parse_once(line));
  } catch (const std::exception& failure) {
    return invalid(failure.what());
  }
}

ParsedLines parse_lines(std::span<const std::string_view> lines,
                        const std::function<void(const std::string&)>& complain) {
  ParsedLines parsed;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto trial = parse_line(lines[i]);
    if (trial) {
      parsed.trials.push_back(std::move(*trial));
      continue;
    }
    std::string refusal = fmt::format("line {} is no trial and was left out: {}", i + 1, trial.error().message);
    complain(refusal);
    if (parsed.refused++ == 0) parsed.first_refusal = refusal;
  }
  return parsed;
}

Result<int> TuningDb::export_lines(std::string& out) {
  std::vector<std::string> lines;
  auto visited = for_each([&](const Trial& trial) {
    lines.push_back(format_line(trial));
    return true;
  });
  if (!visited) return visited.error();
  // Sorted, so that the text depends on what is known and not on the order in which it was learned.
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out.append(line).append("\n");
  return static_cast<int>(lines.size());
}

Result<int> TuningDb::import_lines(const std::string& text) {
  std::vector<std::string_view> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  ParsedLines parsed = parse_lines(lines, state_->complain());
  if (parsed.trials.empty() && parsed.refused > 0)
    return invalid(
        fmt::format("this is not an export of trials ({}): give a file that export wrote", parsed.first_refusal));
  auto added = add_trials(state_->store, parsed.trials);
  if (!added) return added;
  return static_cast<int>(parsed.trials.size());
}

}  // namespace fftconv
