// Opening one database file and telling whether it is what it should be.
#pragma once

#include <filesystem>
#include <string>

#include "sqlite.h"
#include "store.h"

namespace fftconv {

/// A connection to an empty database of `spec` in memory.
Result<sqlite::Connection> open_memory_database(const StoreSpec& spec);

/// Opens an existing file, makes the tables where it is empty, checks application_id, user_version, the tables'
/// definitions and (small files) every page and index.
/// Errors: damaged (also a foreign file), unsupported (a later version), busy, io, out_of_memory.
Result<Opened> open_database(const StoreSpec& spec, const std::filesystem::path& file, bool read_only);

/// Checks every page and index. Errors: damaged; io, out_of_memory where they cannot be read.
Result<void> check_every_page(sqlite::Connection& connection);

/// Salvages sound rows of a file that was set aside into `to`, in one transaction; 0 where there is nothing to save.
int salvage_rows(const StoreSpec& spec, const std::filesystem::path& damaged, sqlite::Connection& to);

}  // namespace fftconv
