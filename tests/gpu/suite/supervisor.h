// Runs each section in a process of its own, so that a kernel that faults or hangs costs its own case and no more.
#pragma once

#include "suite/section.h"

namespace fftconv::gpu_suite {

/// Runs the sections within the budget and writes the summary after each. Returns the exit status.
int run_sections(const std::string& program, const Options& options);

}  // namespace fftconv::gpu_suite
