// A sweep's note in the database, so that one that was cut off can be taken up again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fftconv/tuning_db.h"
#include "scale/sweep_lock.h"
#include "tune/commands.h"
#include "tune/sweep.h"

namespace fftconv::tools {

/// What was asked, one `key=value` a line: the problems spelled out, so that it does not matter how they were named.
std::string sweep_arguments(const TuneOptions& options, const SweepJob& job);

/// The inverse, as a command line would have filled the options. Errors: damaged, with the line that is not known.
Result<TuneOptions> parse_sweep_arguments(const std::string& text);

/// A sweep that this process is at.
struct SweepRecord {
  std::int64_t id = 0;
  /// Held while it runs; empty where the file system has no such locks, which is told.
  std::optional<SweepLock> lock;
};

/// Notes that `job` begins; the sweep that options.resumed names goes on under its own number. Errors: busy where
/// another process is at that one or has ended it, else as open_to_write().
Result<SweepRecord> begin_record(const TuneOptions& options, const SweepJob& job, const Console& console);

/// Notes that it ran to its end.
Result<void> end_record(const SweepRecord& record, const Console& console);

/// The latest sweep that was cut off: it was not ended, and no process is at it. Errors: busy where all that were not
/// ended are still running; those of open_to_read(), but a database that is not there has no sweeps.
Result<std::optional<SweepNote>> find_cut_off(const Console& console);

}  // namespace fftconv::tools
