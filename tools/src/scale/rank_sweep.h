// A sweep by several ranks: what each of them does, from the first letter to the last.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "fftconv/tuner.h"
#include "scale/ranks.h"

namespace fftconv::tools {

struct RankSweep {
  std::vector<Problem> problems;  ///< rank 0's count
  std::filesystem::path cache;    ///< rank 0's databases, and a folder for each other rank's
  double silence_s = 60;          ///< as CoordinatorOptions::silence_s; also of rank 0, for the others
  double call_s = 60;             ///< longest call of the MPI library; then this process ends with status 1
  LogCallback log;
  /// Opens this rank's context with its databases in `directory`.
  std::function<Result<std::shared_ptr<Context>>(const std::filesystem::path& directory)> open;
  std::function<SweepOptions(const std::shared_ptr<Context>&)> options;
  /// Rank 0: a row of any rank, its trials in the database. From a thread of its own.
  std::function<void(const SweepRow&, TuningDb&)> finished;
};

struct RankOutcome {
  Environment environment;  ///< this rank's
  bool complete = true;     ///< everything that this rank measured is in rank 0's database
  bool cancelled = false;
};

/// Searches what rank 0 hands out. Rank 0 searches, too; a thread of its own serves the others, mostly asleep.
/// Another rank keeps its trials in a database of its own until rank 0 has stored them; what it could not send is
/// taken up by the next job on this machine with the same cache folder. Errors: those of `open` and of the databases.
Result<RankOutcome> sweep_by_ranks(std::unique_ptr<Ranks> ranks, const RankSweep& job);

}  // namespace fftconv::tools
