#include "suite/section.h"

namespace fftconv::gpu_suite {

std::vector<std::unique_ptr<Section>> make_sections(const Options& options) {
  std::vector<std::unique_ptr<Section>> sections;
  sections.push_back(make_facts_section());
  sections.push_back(make_ceilings_section());
  sections.push_back(make_lanes_section());
  sections.push_back(make_correctness_section());
  sections.push_back(make_sweep_section(options));
  return sections;
}

std::vector<std::string> chosen_cases(const Section& section, const Options& options) {
  std::vector<std::string> chosen;
  for (const std::string& name : section.cases()) {
    if (name.find(options.only) != std::string::npos) chosen.push_back(name);
  }
  return chosen;
}

}  // namespace fftconv::gpu_suite
