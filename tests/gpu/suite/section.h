// A section of the suite: named cases, each of which gives one record.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "suite/gpu.h"
#include "suite/options.h"
#include "suite/records.h"

namespace fftconv::gpu_suite {

/// A kernel that the section compiles, for --compile-only.
struct NamedSource {
  std::string name;
  std::function<Result<KernelSource>()> source;  ///< emitted when asked for: there are thousands
};

class Section {
 public:
  virtual ~Section() = default;
  virtual std::string name() const = 0;
  virtual double share() const = 0;         ///< part of the budget that it may use at most
  virtual double case_limit_s() const = 0;  ///< a case that takes longer hangs
  virtual std::vector<std::string> cases() const = 0;
  virtual Json run(Gpu& gpu, const std::string& case_name) = 0;
  virtual std::vector<NamedSource> sources(const DeviceFacts& facts) const = 0;
};

std::unique_ptr<Section> make_facts_section();
std::unique_ptr<Section> make_ceilings_section();
std::unique_ptr<Section> make_lanes_section();
std::unique_ptr<Section> make_correctness_section();
std::unique_ptr<Section> make_sweep_section(const Options& options);

/// In the order they run.
std::vector<std::unique_ptr<Section>> make_sections(const Options& options);

/// The cases that options.only leaves.
std::vector<std::string> chosen_cases(const Section& section, const Options& options);

}  // namespace fftconv::gpu_suite
