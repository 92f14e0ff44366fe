#include "journal.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "store.h"

namespace fftconv {
namespace {

using sqlite::Connection;
using Instant = std::chrono::steady_clock::time_point;

// Another process may be in the middle of the same step, and SQLite does not wait for that one.
struct Deadline {
  Instant end = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_wait_ms);
  bool wait() const {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return std::chrono::steady_clock::now() < end;
  }
};

Result<std::string> wanted_journal(Connection& connection, bool shared_memory) {
  Result<std::string> mode = std::string();
  const Deadline deadline;
  while (shared_memory) {
    mode = connection.text_of("PRAGMA journal_mode=WAL");
    if (mode || mode.error().code != ErrorCode::busy || !deadline.wait()) break;
  }
  if (mode && *mode == "wal") return mode;
  if (!mode && (mode.error().code == ErrorCode::damaged || mode.error().code == ErrorCode::busy)) return mode;
  mode = connection.text_of("PRAGMA journal_mode=DELETE");
  if (!mode || shared_memory) return mode;
  // Back from the exclusive lock that a log without shared memory needed; it goes with the next read.
  if (auto done = connection.run("PRAGMA locking_mode=NORMAL"); !done) return done.error();
  if (auto read = connection.integer_of("SELECT count(*) FROM sqlite_schema"); !read) return read.error();
  return mode;
}

}  // namespace

bool has_shared_memory(Connection& connection) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return false;
  const sqlite3_io_methods* methods = file != nullptr ? file->pMethods : nullptr;
  if (methods == nullptr || methods->iVersion < 2 || methods->xShmMap == nullptr) return false;
  constexpr int region = 32768;  // bytes of WAL's index at a time
  void volatile* mapped = nullptr;
  const Deadline deadline;
  int result = SQLITE_BUSY;
  while ((result = methods->xShmMap(file, 0, region, 1, &mapped)) == SQLITE_BUSY && deadline.wait()) continue;
  methods->xShmUnmap(file, 0);
  return result == SQLITE_BUSY || (result == SQLITE_OK && mapped != nullptr);
}

Result<std::string> choose_journal(Connection& connection, bool durable, bool shared_memory) {
  auto mode = wanted_journal(connection, shared_memory);
  if (!mode) return mode;
  std::string note;
  if (*mode != "wal") note = fmt::format("the file system refuses write-ahead logging; journal mode is {}", *mode);
  // FULL: a commit in WAL is on disk before it returns. A row is worth a measurement of milliseconds to seconds and
  // is written once, so that its fsync does not count. In DELETE mode only EXTRA also makes the removal of the
  // journal, which is the commit, durable.
  const char* level = !durable ? "NORMAL" : *mode == "wal" ? "FULL" : "EXTRA";
  if (auto done = connection.run(fmt::format("PRAGMA synchronous={}", level)); !done) return done.error();
  return note;
}

}  // namespace fftconv
