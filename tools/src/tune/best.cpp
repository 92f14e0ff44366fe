// best: what an application would get for a problem, and why.
#include <fmt/format.h>

#include "fftconv/cost_model.h"
#include "json_out.h"
#include "order_filter.h"
#include "table.h"
#include "tune/commands.h"

namespace fftconv::tools {
namespace {

struct Answer {
  Problem problem;
  std::string config, provenance, explanation;
};

/// Without a device there is only the model to ask.
Result<Answer> ask_model(const Problem& problem, const Target& target, const Orders& orders) {
  const auto ranked = rank_of_orders(problem, target.facts, orders);
  if (!ranked) return ranked.error();
  const Ranked& first = ranked->front();
  return Answer{
      problem, to_string(first.config), to_string(Provenance::cost_model),
      fmt::format(
          "{}\n  kernel     {}\n  chosen by  cost_model for {}, first of {}; nothing was measured: {}\n  time       "
          "predicted {}, floor {}\n",
          to_string(problem), to_string(first.config), target.facts.arch, ranked->size(), target.why_absent,
          show_seconds(first.cost.total_s), show_seconds(floor_seconds(problem, target.facts)))};
}

Result<Answer> ask_context(const Problem& problem, Context& context) {
  auto plan = context.plan(problem);
  if (!plan) return plan.error();
  return Answer{problem, to_string(plan->config()), to_string(plan->provenance()), plan->explain()};
}

/// The policy whose times an application's plans look at first.
std::string policy_text(const std::string& policy) {
  return fmt::format("{}; times of another count where the problem has none of this", policy);
}

}  // namespace

int best(const TuneOptions& options, const Console& console) {
  const auto orders = parse_orders(options.order);
  if (!orders) return console.fail(orders.error());
  const auto target = open_target(options.machine);
  if (!target) return console.fail(target.error());
  if (target->device && !orders->empty()) {
    return console.fail(invalid("best answers what an application gets, whatever its order; leave out --order"));
  }
  const auto problems = expand(options.problems, default_precision(target->facts));
  if (!problems) return console.fail(problems.error());
  std::shared_ptr<Context> context;
  if (target->device) {
    auto created = Context::create(target->device, {.log = [&](const std::string& line) { console.note(line); }});
    if (!created) return console.fail(created.error());
    context = *created;
  }
  std::string text;
  Json json = Json::array();
  for (const Problem& problem : *problems) {
    const auto answer = context ? ask_context(problem, *context) : ask_model(problem, *target, *orders);
    if (!answer) return console.fail(answer.error());
    text += answer->explanation;
    if (context) text += fmt::format("  policy     {}\n", policy_text(context->environment().policy));
    text += "\n";
    json.push_back({{"problem", to_json(problem)},
                    {"policy", context ? Json(context->environment().policy) : Json(nullptr)},
                    {"config", answer->config},
                    {"provenance", answer->provenance},
                    {"explanation", answer->explanation}});
  }
  return finish(console, options.json ? dump(json) : text);
}

}  // namespace fftconv::tools
