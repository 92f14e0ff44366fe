#include "json_out.h"

#include <cmath>

#include "fftconv/kernel_config.h"

namespace fftconv::tools {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const Problem& problem) {
  return {{"text", to_string(problem)},
          {"mode", to_string(problem.mode)},
          {"seqlen", problem.seqlen},
          {"filter_len", problem.filter_len},
          {"batch", problem.batch},
          {"channels", problem.channels},
          {"io", to_string(problem.io)},
          {"precision", to_string(problem.precision)},
          {"direction", to_string(problem.direction)}};
}

Json to_json(const Cost& cost) {
  return {{"total_s", number(cost.total_s)},    {"bound", cost.bound},
          {"matrix_s", number(cost.matrix_s)},  {"issue_s", number(cost.issue_s)},
          {"shared_s", number(cost.shared_s)},  {"memory_s", number(cost.memory_s)},
          {"l2_s", number(cost.l2_s)},          {"launch_s", number(cost.launch_s)},
          {"occupancy", number(cost.occupancy)}};
}

Json to_json(const DeviceFacts& facts) {
  return {{"kind", to_string(facts.kind)},
          {"name", facts.name},
          {"arch", facts.arch},
          {"sm_count", facts.sm_count},
          {"clock_hz", number(facts.clock_hz)},
          {"l2_bytes", facts.l2_bytes},
          {"memory_bytes_per_s", number(facts.memory_bytes_per_s)},
          {"rates_measured", facts.measured}};
}

Json to_json(const Environment& environment) {
  return {{"device", environment.device},     {"kind", environment.kind},
          {"arch", environment.arch},         {"sm_count", environment.sm_count},
          {"l2_bytes", environment.l2_bytes}, {"driver", environment.driver},
          {"compiler", environment.compiler}, {"generator_digest", environment.generator_digest},
          {"policy", environment.policy}};
}

Json to_json(const Measurement& measurement) {
  Json json{{"status", to_string(measurement.status)},
            {"median_s", number(measurement.median)},
            {"lower_quartile_s", number(measurement.lower_quartile)},
            {"upper_quartile_s", number(measurement.upper_quartile)},
            {"samples", measurement.samples.size()},
            {"throttled", measurement.throttled},
            {"error", measurement.error < 0 ? Json(nullptr) : number(measurement.error)},
            {"registers", measurement.registers},
            {"spill_bytes", measurement.spill_bytes},
            {"compile_s", number(measurement.compile_s)}};
  if (!measurement.reason.empty()) json["reason"] = measurement.reason;
  return json;
}

Json to_json(const Trial& trial) {
  return {{"problem", to_json(trial.problem)},
          {"config", to_string(trial.config)},
          {"environment", to_json(trial.environment)},
          {"measurement", to_json(trial.measurement)},
          {"unix_time", trial.unix_time}};
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace fftconv::tools
