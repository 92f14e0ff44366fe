// The tuning database as the tools open it: where it lies, and what to do where it cannot be used.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "console.h"
#include "fftconv/tuning_db.h"

namespace fftconv::tools {

/// tuning.db in the folder that the settings name.
std::filesystem::path tuning_db_file();
std::filesystem::path kernels_db_file();

/// Opens an existing database to read it, and changes nothing. Errors: not_found (no such file), damaged (whatever
/// keeps it from being read, in the database's words), busy. What the database says later on goes to `console` (which
/// must outlive it), where one is given.
Result<TuningDb> open_to_read(const std::filesystem::path& file, const Console* console);

/// Opens the user's database to write to it; what it says goes to `console` (which
/// must outlive it). Errors: io where nothing that
/// is written would be kept, busy.
Result<TuningDb> open_to_write(const Console& console);

/// What can be said of a database file without changing it.
struct DatabaseState {
  std::filesystem::path file;
  bool exists = false;
  bool writable = false;  ///< file and folder, or the folder that would be made
  std::uintmax_t bytes = 0;
  std::string state;  ///< "12 trials of 3 problems", "will be made", or what is wrong
};
DatabaseState look_at_tuning_db(const std::filesystem::path& file);
DatabaseState look_at_file(const std::filesystem::path& file);

}  // namespace fftconv::tools
