// What was recorded somewhere: a database, or the lines that export wrote.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "database.h"

namespace fftconv::tools {

/// Opens a database to read it, or takes JSON lines into one in memory; which of the two a file is, its first bytes
/// say. Errors: invalid_argument (no such file, neither of the two), damaged, io.
Result<TuningDb> open_recorded(const std::filesystem::path& file, const Console& console);

/// Every sound trial, in the order of storing.
Result<std::vector<Trial>> all_trials(TuningDb& database);

/// Of two trials of a problem, the one that an application would rather get: measured and checked, then faster.
bool is_better(const Trial& a, const Trial& b);
/// Measured, and its output compared with fp64.
bool can_win(const Trial& trial);

}  // namespace fftconv::tools
