// Which journal a file gets: write-ahead logging where its file system can, else the rollback journal.
#pragma once

#include <filesystem>
#include <string>

#include "sqlite.h"
#include "store.h"

namespace fftconv {

/// Why `file`, open as `connection`, cannot have write-ahead logging; empty where it can. That needs memory which
/// all processes share that have the file open: there is none between hosts, even where one host's processes can map
/// the file. SQLite does not ask for the first, and finds out about the second only after it has changed the file's
/// header, so that both are asked beforehand. Changes nothing.
std::string obstacle_to_wal(const StoreSpec& spec, sqlite::Connection& connection, const std::filesystem::path& file);

/// Whether the file's header says that it is in WAL mode. Takes no lock. Errors: as sqlite::code_of().
Result<bool> is_in_wal_mode(sqlite::Connection& connection);

/// Sets journal_mode (WAL, with an `obstacle` DELETE) and synchronous, and returns what is worth logging, usually
/// nothing. With an obstacle the connection must be in locking mode EXCLUSIVE; it is in NORMAL afterwards.
/// Errors: as sqlite::code_of().
Result<std::string> choose_journal(sqlite::Connection& connection, const StoreSpec& spec,
                                   const std::string& obstacle);

}  // namespace fftconv
