// Runs one section's cases in this process; the parent watches.
#pragma once

#include "suite/section.h"

namespace fftconv::gpu_suite {

constexpr int kExitDeviceLost = 75;  ///< a kernel faulted: the next case needs a new process

/// Runs every chosen case that has no record yet, until `options.budget_s` is used up. Returns the exit status.
int run_child(Section& section, const Options& options);

}  // namespace fftconv::gpu_suite
