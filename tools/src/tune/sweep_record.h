// A sweep's note in the database, so that one that was cut off can be taken up again.
#pragma once

#include <cstdint>
#include <string>

#include "tune/commands.h"
#include "tune/sweep.h"

namespace fftconv::tools {

/// What was asked, one `key=value` a line: the problems spelled out, so that it does not matter how they were named.
std::string sweep_arguments(const TuneOptions& options, const SweepJob& job);

/// The inverse, as a command line would have filled the options. Errors: damaged, with the line that is not known.
Result<TuneOptions> parse_sweep_arguments(const std::string& text);

/// Notes that `job` begins and returns its number; the sweep that options.resumed names goes on under its own.
/// Errors: as open_to_write().
Result<std::int64_t> begin_record(const TuneOptions& options, const SweepJob& job, const Console& console);

/// Notes that it ran to its end.
Result<void> end_record(std::int64_t id, const Console& console);

}  // namespace fftconv::tools
