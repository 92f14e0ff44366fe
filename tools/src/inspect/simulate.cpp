// simulate: run one candidate with every check.
#include <fmt/format.h>

#include "inspect/simulation.h"
#include "table.h"

namespace fftconv::tools {
namespace {

std::string as_text(const Subject& subject, const Simulated& simulated, const InspectOptions& options) {
  const SimCounters& c = simulated.report.counters;
  std::string text = fmt::format("{}\n{} ({})\nsimulated {}, {} mode, seed {}\n", to_string(simulated.problem),
                                 to_string(subject.config), subject.chosen_by, subject.target.facts.arch,
                                 options.fibers ? "fiber" : "vector", options.seed);
  for (const SimFinding& finding : simulated.report.findings) {
    text += fmt::format("line {}: {}: {}\n", finding.line, finding.kind, finding.message);
  }
  if (simulated.report.findings.empty()) text += "no findings\n";
  Table table({{"counter"}, {"value", Align::right}});
  const auto add = [&](const char* name, const auto& value) { table.add({name, fmt::format("{}", value)}); };
  add("matrix products (m16n8k16)", c.mma);
  add("shared-memory requests", c.shared_requests);
  add("shared-memory wavefronts", c.shared_wavefronts);
  add("  without conflicts", c.shared_ideal);
  add("  bank-conflict degree", fmt::format("{:.3f}", conflict_degree(c)));
  add("shared-memory bytes", c.shared_bytes);
  add("global requests", c.global_requests);
  add("global sectors", c.global_sectors);
  add("  over ideal", fmt::format("{:.3f}", sector_ratio(c)));
  add("barriers", c.barriers);
  text += table.text();
  if (simulated.error >= 0) {
    text += fmt::format("relative L2 error {} against fp64 (budget {})\n", show_error(simulated.error),
                        show_error(error_budget(simulated.problem)));
  }
  return text;
}

}  // namespace

int simulate(const InspectOptions& options, const Console& console) {
  const auto subject = find_subject(options);
  if (!subject) return console.fail(subject.error());
  if (subject->config.engine == Engine::vector) {
    return console.fail(invalid("the simulated device runs CUDA kernels; leave out --device cpu"));
  }
  const SimMode mode = options.fibers ? SimMode::fiber : SimMode::vector;
  const auto simulated = run_simulated(*subject, subject->problem, mode, options.seed);
  if (!simulated) return console.fail(simulated.error());
  const int printed =
      finish(console, options.json ? dump(to_json(*simulated)) : as_text(*subject, *simulated, options));
  if (printed != 0) return printed;
  if (!simulated->failure.empty()) return console.fail({ErrorCode::launch_failed, simulated->failure});
  if (!(simulated->error <= error_budget(simulated->problem))) {
    return console.fail({ErrorCode::wrong_result,
                         fmt::format("relative L2 error {} is above the budget {}", show_error(simulated->error),
                                     show_error(error_budget(simulated->problem)))});
  }
  return 0;
}

}  // namespace fftconv::tools
