// The subcommands of fftconv-inspect, and what they look at.
#pragma once

#include <cstdint>
#include <string>

#include "console.h"
#include "fftconv/kernel_source.h"
#include "machine.h"
#include "problem_lists.h"

namespace fftconv::tools {

struct InspectOptions {
  ProblemLists problem;
  MachineOptions machine;
  std::string config;   ///< empty: the model's first choice
  std::string order;    ///< of the candidates, "2,3"; empty: all
  bool stored = false;  ///< the stored winner instead
  std::string output;   ///< file for source, ptx, sass
  int top = 20;         ///< cost: candidates shown; 0 = all
  bool fibers = false;  ///< simulate: one fiber a thread
  std::uint64_t seed = 1;
  bool json = false;
};

/// One candidate for one problem, and why that one.
struct Subject {
  Target target;
  Problem problem;
  KernelConfig config;
  std::string chosen_by;  ///< "given", "first choice of the model among 123", "stored winner, 12.3 us"
};

/// Problem and target alone, for what looks at all candidates.
Result<Subject> find_problem(const InspectOptions& options);
/// And the candidate: given, stored or the model's first choice.
Result<Subject> find_subject(const InspectOptions& options);

// Each returns the exit status.
int show_source(const InspectOptions& options, const Console& console);
int show_ptx(const InspectOptions& options, const Console& console);
int show_sass(const InspectOptions& options, const Console& console);
int show_resources(const InspectOptions& options, const Console& console);
int show_cost(const InspectOptions& options, const Console& console);
int show_configs(const InspectOptions& options, const Console& console);
int simulate(const InspectOptions& options, const Console& console);

/// Prints; status 0, or that of a standard output that cannot be written.
int finish(const Console& console, const std::string& text);

}  // namespace fftconv::tools
