// Puts the records of all sections into results.json and table.txt.
#pragma once

#include <string>

#include "suite/section.h"

namespace fftconv::gpu_suite {

struct Summary {
  int done = 0;      ///< cases with a record
  int bad = 0;       ///< of them wrong, failed, crashed or hung
  int left = 0;      ///< chosen cases without a record: out of time
  std::string text;  ///< for people
};

/// `wall_s`: seconds of the run so far.
Summary write_summary(const Options& options, double wall_s);

}  // namespace fftconv::gpu_suite
