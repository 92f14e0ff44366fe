// Which problem, for which device, and which candidate.
#include <fmt/format.h>

#include <optional>

#include "database.h"
#include "inspect/commands.h"
#include "order_filter.h"
#include "table.h"

namespace fftconv::tools {
namespace {

Result<void> choose_stored(Subject& subject) {
  auto database = open_to_read(tuning_db_file(), nullptr);
  if (!database) return database.error();
  std::optional<Trial> winner;
  const auto visited = database->for_each([&](const Trial& trial) {
    const bool fits = trial.problem == subject.problem && trial.environment.arch == subject.target.facts.arch &&
                      trial.measurement.status == TrialStatus::measured;
    if (fits && (!winner || trial.measurement.median < winner->measurement.median)) winner = trial;
    return true;
  });
  if (!visited) return visited.error();
  if (!winner) {
    return Error{ErrorCode::not_found,
                 fmt::format("nothing was measured for {} on {}; leave out --stored, or run fftconv-tune sweep",
                             to_string(subject.problem), subject.target.facts.arch)};
  }
  subject.config = winner->config;
  subject.chosen_by =
      fmt::format("stored winner, {} on {}", show_seconds(winner->measurement.median), winner->environment.device);
  return {};
}

Result<void> choose_by_model(const InspectOptions& options, Subject& subject) {
  const auto orders = parse_orders(options.order);
  if (!orders) return orders.error();
  const auto ranked = rank_of_orders(subject.problem, subject.target.facts, *orders);
  if (!ranked) return ranked.error();
  subject.config = ranked->front().config;
  subject.chosen_by = fmt::format("first choice of the model among {}", ranked->size());
  return {};
}

}  // namespace

int finish(const Console& console, const std::string& text) {
  const auto done = console.print(text);
  return done ? 0 : console.fail(done.error());
}

Result<Subject> find_problem(const InspectOptions& options) {
  auto target = open_target_for_inspection(options.machine);
  if (!target) return target.error();
  const auto problem = expand_one(options.problem, default_precision(target->facts));
  if (!problem) return problem.error();
  return Subject{std::move(*target), *problem, {}, {}};
}

Result<Subject> find_subject(const InspectOptions& options) {
  auto subject = find_problem(options);
  if (!subject) return subject;
  if (options.stored && !options.config.empty())
    return invalid("--stored and --config name two candidates; give one");
  if (!options.config.empty()) {
    const auto config = parse_config(options.config);
    if (!config) return config.error();
    subject->config = *config;
    subject->chosen_by = "given";
  } else {
    const auto chosen = options.stored ? choose_stored(*subject) : choose_by_model(options, *subject);
    if (!chosen) return chosen.error();
  }
  const auto legal = check_legal(subject->problem, subject->config, subject->target.facts);
  if (!legal) return legal.error();
  return subject;
}

}  // namespace fftconv::tools
