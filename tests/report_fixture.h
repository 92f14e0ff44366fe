// A report's inputs with something in every part.
#pragma once

#include <random>

#include "report/page.h"
#include "tuning_db_fixture.h"

namespace fftconv::test {

inline constexpr const char* evil_reason = "bad </title><script>document.title='owned'</script> \"quoted\" & 'more'";

inline Environment cpu_environment() {
  Environment e = environment_here();
  e.device = "AMD EPYC <b onclick=x>";
  e.kind = "cpu";
  e.arch = "x86-64-avx512";
  e.policy = "hot";
  return e;
}

/// Two devices, lengths 256 … 32K, three orders; the first problem searched to the end; failures with a hostile
/// reason.
inline tools::ReportInputs report_inputs() {
  tools::ReportInputs inputs;
  const std::vector<std::vector<int>> radices{{16, 16}, {16, 16, 16}, {4, 16, 16, 16}};
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  for (const Environment& environment : {environment_here(), cpu_environment()}) {
    for (int i = 0; i < 8; ++i) {
      for (std::size_t order = 0; order < radices.size(); ++order) {
        const Problem problem = problem_of(256LL << i);
        KernelConfig config = config_of(4);
        config.radices = radices[order];
        const double away = static_cast<double>(order) - i / 3.0;
        const double median = 1e-5 * (1 << i) * (1 + 0.2 * away * away);
        Trial trial = trial_of(environment, problem, config, median, 2e-4 + 3e-4 * unit(random));
        trial.predicted_s = median * (0.8 + 0.4 * unit(random));
        trial.unix_time += environment.kind == "cpu" ? 0 : 10;
        inputs.trials.push_back(trial);
      }
      Trial failed = trial_of(environment, problem_of(256LL << i), config_of(8), 1e-3);
      failed.measurement.status = TrialStatus::crashed;
      failed.measurement.reason = evil_reason;
      failed.measurement.error = -1;
      inputs.trials.push_back(failed);
    }
  }
  const std::string first = to_string(inputs.trials[1].config);
  inputs.search = [first](const Environment&, const Problem& problem) -> std::optional<SearchRecord> {
    if (problem.seqlen > 512) return std::nullopt;
    return SearchRecord{.rigor = "exhaustive",
                        .budget_s = 1,
                        .candidates = 4,
                        .measured = 3,
                        .complete = problem.seqlen == 256,
                        .compiled = 4,
                        .refused = "12 needs <more> registers\n",
                        .first = first};
  };
  inputs.facts = [](const Environment& e) -> std::optional<tools::KnownFacts> {
    auto facts = facts_of_arch(e.arch);
    if (!facts) return std::nullopt;
    return tools::KnownFacts{*facts, "Floor: by data sheet."};
  };
  inputs.bench = {{"NVIDIA H200", "cuda", to_string(problem_of(256)), "cold", {{"cuFFT", 4e-5, ""}}},
                  {"NVIDIA H200", "cuda", to_string(problem_of(512)), "cold", {{"cuFFT", 7e-5, ""}}},
                  {"NVIDIA H200", "cuda", to_string(problem_of(1024)), "hot", {{"cuFFT", 9e-5, ""}}}};
  return inputs;
}

inline std::string sample_page() {
  tools::Report report = tools::make_report(report_inputs());
  report.source = "tuning.db <script>alert(1)</script>";
  report.made = 1795521600;
  return tools::page_html(report);
}

/// Titles of the parts of each device's section.
inline constexpr const char* part_titles[] = {"Speed against the floor and the peers",
                                              "Where each order and strategy wins",
                                              "Predicted against measured",
                                              "Search and regret",
                                              "Error by precision",
                                              "Candidates that failed"};

}  // namespace fftconv::test
