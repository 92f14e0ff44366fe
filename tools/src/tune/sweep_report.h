// What a sweep shows: a bar while it runs, and at its end the table and its JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fftconv/tuner.h"
#include "progress.h"
#include "tune/sweep.h"

namespace fftconv::tools {

/// For one thread at a time. `job` and `console` must outlive it.
class SweepReport {
 public:
  SweepReport(const SweepJob& job, const Console& console);

  void step(const SweepProgress& step);
  /// A problem is finished. `database` has its trials.
  void add(const SweepRow& row, TuningDb& database);
  /// Rows by environment, `environment` first, then in the order of the job's list.
  SweepAnswer answer(const Environment& environment);

 private:
  struct Found {
    Environment environment;
    Problem problem;
    std::optional<SearchSummary> summary;  ///< none where the search met an error
    std::string why_no_winner;             ///< empty where there is one
  };
  const SweepJob& job_;
  Progress progress_;
  std::vector<Found> found_;
};

}  // namespace fftconv::tools
