// Which journal a file gets: write-ahead logging where its file system can, else the rollback journal.
#pragma once

#include <string>

#include "sqlite.h"

namespace fftconv {

/// Whether write-ahead logging is possible, which needs memory that processes share. SQLite itself finds out only
/// after it has changed the file's header, so that its file layer is asked beforehand. Changes nothing.
bool has_shared_memory(sqlite::Connection& connection);

/// Sets journal_mode (WAL, else DELETE) and synchronous, and returns what is worth logging, usually nothing.
/// `durable`: a commit survives a loss of power. Without `shared_memory` the connection must be in locking mode
/// EXCLUSIVE; it is in NORMAL afterwards. Errors: as sqlite::code_of().
Result<std::string> choose_journal(sqlite::Connection& connection, bool durable, bool shared_memory);

}  // namespace fftconv
