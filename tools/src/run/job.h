// The problem behind a filter file and an input file.
#pragma once

#include <string>
#include <vector>

#include "fftconv/problem.h"
#include "run/options.h"
#include "signal.h"

namespace fftconv::tools {

struct Job {
  Problem problem;
  Signal input;
  std::vector<double> filter;  ///< (H, Lk): one of a single channel is repeated
  int rate = 0;                ///< of the output; 0 = none
};

/// Reads both files and checks that they go together. Errors: invalid_argument and those of read_signal().
Result<Job> make_job(const RunOptions& options);

}  // namespace fftconv::tools
