// One candidate run in the simulated device on random data.
#pragma once

#include <cstdint>
#include <string>

#include "fftconv/sim_device.h"
#include "inspect/commands.h"
#include "json_out.h"

namespace fftconv::tools {

struct Simulated {
  Problem problem;      ///< what was run
  SimReport report;     ///< of the convolution, or of what failed before it
  double error = -1;    ///< relative L2 against fp64; -1 where it did not finish
  std::string failure;  ///< empty where it ran to its end
};

/// Errors: dependency_missing without LLVM, compile_failed, unsupported. A violation that the device finds is no
/// error but stands in the answer.
Result<Simulated> run_simulated(const Subject& subject, const Problem& problem, SimMode mode, std::uint64_t seed);

/// Wavefronts over those without conflicts; 1 where there are none.
double conflict_degree(const SimCounters& counters);
/// Sectors over those that the bytes need.
double sector_ratio(const SimCounters& counters);

Json to_json(const Simulated& simulated);

}  // namespace fftconv::tools
