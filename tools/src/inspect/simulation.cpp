#include "inspect/simulation.h"

#include "convolve.h"

namespace fftconv::tools {
namespace {

double over(std::int64_t value, std::int64_t ideal) {
  return ideal > 0 ? static_cast<double>(value) / static_cast<double>(ideal) : 1;
}

}  // namespace

double conflict_degree(const SimCounters& counters) {
  return over(counters.shared_wavefronts, counters.shared_ideal);
}
double sector_ratio(const SimCounters& counters) { return over(counters.global_sectors, counters.global_ideal); }

Result<Simulated> run_simulated(const Subject& subject, const Problem& problem, SimMode mode, std::uint64_t seed) {
  auto device = open_sim({.arch = subject.target.facts.arch, .mode = mode, .seed = seed});
  if (!device) return device.error();
  auto context = Context::create(*device, {.use_disk = false});
  if (!context) return context.error();
  const auto plan = (*context)->plan_config(problem, subject.config);
  if (!plan) return plan.error();
  Simulated simulated{problem, {}, -1, {}};
  const std::vector<double> u = random_input(problem, seed);
  const std::vector<double> filter = random_filter(problem, seed);
  const auto stopped = [&](const Error& error) -> Result<Simulated> {
    simulated.report = (*device)->last_report();
    if (error.code != ErrorCode::launch_failed) return error;
    simulated.failure = error.message;
    return simulated;
  };
  auto convolution = Convolution::prepare(**device, *plan, u, filter);
  if (!convolution) return stopped(convolution.error());
  if (const auto ran = convolution->run(); !ran) return stopped(ran.error());
  simulated.report = (*device)->last_report();
  const auto y = convolution->result();
  if (!y) return y.error();
  simulated.error = error_against_fp64(problem, u, filter, *y);
  return simulated;
}

Json to_json(const Simulated& simulated) {
  const SimCounters& c = simulated.report.counters;
  Json findings = Json::array();
  for (const SimFinding& finding : simulated.report.findings) {
    findings.push_back({{"kind", finding.kind},
                        {"line", finding.line},
                        {"other_line", finding.other_line},
                        {"message", finding.message}});
  }
  return {{"problem", to_json(simulated.problem)},
          {"error", simulated.error < 0 ? Json(nullptr) : number(simulated.error)},
          {"failure", simulated.failure},
          {"findings", findings},
          {"counters",
           {{"mma", c.mma},
            {"shared_requests", c.shared_requests},
            {"shared_wavefronts", c.shared_wavefronts},
            {"shared_ideal", c.shared_ideal},
            {"shared_bytes", c.shared_bytes},
            {"global_requests", c.global_requests},
            {"global_sectors", c.global_sectors},
            {"global_ideal", c.global_ideal},
            {"barriers", c.barriers}}},
          {"bank_conflict_degree", number(conflict_degree(c))},
          {"sectors_over_ideal", number(sector_ratio(c))}};
}

}  // namespace fftconv::tools
