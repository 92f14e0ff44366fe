// cost and configs: all candidates of a problem.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "database.h"
#include "fftconv/calibration.h"
#include "fftconv/kernel_source.h"
#include "fftconv/measure.h"
#include "fftconv/search_space.h"
#include "fftconv/sparsity.h"
#include "inspect/commands.h"
#include "json_out.h"
#include "order_filter.h"
#include "table.h"

namespace fftconv::tools {
namespace {

std::string header(const Subject& subject) {
  const DeviceFacts& facts = subject.target.facts;
  const Problem& problem = subject.problem;
  const std::string kept = is_sparse(problem)
                               ? fmt::format("kept: {}, {} of {} frequencies\n", sparsity_text(problem),
                                             kept_frequencies(problem), sparsity_length(problem))
                               : "";
  return fmt::format("{}\n{}on {} ({}), rates {}\n", to_string(problem), kept, facts.name, facts.arch,
                     facts.measured ? "measured on this device" : "from data sheets");
}

Json refusals_json(const SearchSpace& space) {
  Json json = Json::array();
  for (const auto& refusal : space.refused) json.push_back({{"reason", refusal.reason}, {"count", refusal.count}});
  return json;
}

/// By the user's own trials of the device; none where there is no database or it holds too few.
std::optional<Calibration> stored_calibration(const DeviceFacts& facts) {
  auto database = open_to_read(tuning_db_file(), nullptr);
  if (!database) return std::nullopt;
  Environment device;
  device.device = facts.name;
  device.kind = to_string(facts.kind);
  device.arch = facts.arch;
  device.sm_count = facts.sm_count;
  device.l2_bytes = facts.l2_bytes;
  device.generator_digest = generator_digest();
  device.policy = to_string(MeasurePolicy{});
  std::vector<TimedCandidate> timed;
  for (Trial& trial : database->recent_trials(device, Calibration::kTrialsWorthReading)) {
    timed.push_back({trial.problem, std::move(trial.config), trial.measurement.median});
  }
  return Calibration::fit(timed, facts);
}

}  // namespace

int show_cost(const InspectOptions& options, const Console& console) {
  const auto subject = find_problem(options);
  if (!subject) return console.fail(subject.error());
  const auto orders = parse_orders(options.order);
  if (!orders) return console.fail(orders.error());
  if (options.top < 0) return console.fail(invalid(fmt::format("--top {} is negative; 0 shows all", options.top)));
  const DeviceFacts& facts = subject->target.facts;
  const auto ranked = rank_of_orders(subject->problem, facts, *orders);
  if (!ranked) return console.fail(ranked.error());
  const double floor = floor_seconds(subject->problem, facts);
  const auto plain = default_config(subject->problem, facts);
  const std::size_t shown = options.top == 0 ? ranked->size() : std::min<std::size_t>(ranked->size(), options.top);
  const std::optional<Calibration> calibration = stored_calibration(facts);
  const auto calibrated_s = [&](const Ranked& candidate) {
    const KernelConfig& config = candidate.config;
    return calibration->seconds(subject->problem, config, facts);
  };
  Table table({{"candidate"},
               {"calibrated", Align::right},
               {"total", Align::right},
               {"matrix", Align::right},
               {"issue", Align::right},
               {"shared", Align::right},
               {"memory", Align::right},
               {"L2", Align::right},
               {"launch", Align::right},
               {"occupancy", Align::right},
               {"bound by"},
               {"eq. 2", Align::right}});
  Json rows = Json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& [config, cost, expected_s] = (*ranked)[i];
    const double eq2 = predict_eq2(subject->problem, config, facts);
    table.add({to_string(config) + (plain && *plain == config ? "  (plain default)" : ""),
               calibration ? show_seconds(calibrated_s((*ranked)[i])) : "-", show_seconds(cost.total_s),
               show_seconds(cost.matrix_s), show_seconds(cost.issue_s), show_seconds(cost.shared_s),
               show_seconds(cost.memory_s), show_seconds(cost.l2_s), show_seconds(cost.launch_s),
               fmt::format("{:.2f}", cost.occupancy), cost.bound, show_seconds(eq2)});
    Json row{{"config", to_string(config)}};
    row.update(to_json(cost));
    row["eq2_s"] = number(eq2);
    row["calibrated_s"] = calibration ? number(calibrated_s((*ranked)[i])) : Json(nullptr);
    rows.push_back(std::move(row));
  }
  if (options.json) {
    Json json{{"problem", to_json(subject->problem)},
              {"facts", to_json(facts)},
              {"floor_s", number(floor)},
              {"candidates", ranked->size()},
              {"calibrated_on", calibration ? calibration->trials() : 0}};
    json["plain_default"] = plain ? Json(to_string(*plain)) : Json(nullptr);
    json["ranking"] = std::move(rows);
    return finish(console, dump(json));
  }
  return finish(console,
                fmt::format("{}floor {}; {} candidates, {} shown, best prediction first; eq. 2 is "
                            "FlashFFTConv's model; {}\n{}",
                            header(*subject), show_seconds(floor), ranked->size(), shown,
                            calibration ? fmt::format("calibrated: by {} trials of this device in your database",
                                                      calibration->trials())
                                        : "no trials of this device to calibrate the model by",
                            table.text()));
}

int show_configs(const InspectOptions& options, const Console& console) {
  const auto subject = find_problem(options);
  if (!subject) return console.fail(subject.error());
  const auto orders = parse_orders(options.order);
  if (!orders) return console.fail(orders.error());
  SearchSpace space = search_space(subject->problem, subject->target.facts);
  std::erase_if(space.configs, [&](const KernelConfig& config) { return !has_order(config, *orders); });
  std::string text = header(*subject);
  Json configs = Json::array();
  for (const KernelConfig& config : space.configs) {
    text += to_string(config) + "\n";
    configs.push_back(to_string(config));
  }
  text += fmt::format("{} legal candidates\n", space.configs.size());
  for (const auto& refusal : space.refused) text += fmt::format("left out, {}: {}\n", refusal.count, refusal.reason);
  const int status = space.configs.empty() ? 1 : 0;
  const int printed = finish(
      console,
      options.json
          ? dump({{"problem", to_json(subject->problem)}, {"configs", configs}, {"refused", refusals_json(space)}})
          : text);
  return printed != 0 ? printed : status;
}

}  // namespace fftconv::tools
