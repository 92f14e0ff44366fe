#include "journal.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>

#include "file_system.h"

namespace fftconv {
namespace {

using sqlite::Connection;
using Instant = std::chrono::steady_clock::time_point;

constexpr const char* no_shared_memory = "the file system refuses write-ahead logging";

// Another process may be in the middle of the same step, and SQLite does not wait for that one.
struct Deadline {
  Instant end = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_wait_ms);
  bool wait() const {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return std::chrono::steady_clock::now() < end;
  }
};

Result<std::string> wanted_journal(Connection& connection, bool wal) {
  Result<std::string> mode = std::string();
  const Deadline deadline;
  while (wal) {
    mode = connection.text_of("PRAGMA journal_mode=WAL");
    if (mode || mode.error().code != ErrorCode::busy || !deadline.wait()) break;
  }
  if (mode && *mode == "wal") return mode;
  if (!mode && (mode.error().code == ErrorCode::damaged || mode.error().code == ErrorCode::busy)) return mode;
  mode = connection.text_of("PRAGMA journal_mode=DELETE");
  if (!mode || wal) return mode;
  // Back from the exclusive lock that a log without shared memory needed; it goes with the next read.
  if (auto done = connection.run("PRAGMA locking_mode=NORMAL"); !done) return done.error();
  if (auto read = connection.integer_of("SELECT count(*) FROM sqlite_schema"); !read) return read.error();
  return mode;
}

// SQLite's own view of the file: what is opened and closed beside it would drop the locks that it has there.
sqlite3_file* file_of(Connection& connection) {
  sqlite3_file* file = nullptr;
  const int result = sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return result == SQLITE_OK ? file : nullptr;
}

bool has_shared_memory(Connection& connection) {
  sqlite3_file* file = file_of(connection);
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

}  // namespace

std::string obstacle_to_wal(const StoreSpec& spec, Connection& connection, const std::filesystem::path& file) {
  const Result<std::uint32_t> type = spec.file_system_type(file);
  if (!type) return type.error().message;
  if (const char* name = shared_file_system(*type))
    return fmt::format("it lies on {}, and write-ahead logging is for the processes of one host", name);
  return has_shared_memory(connection) ? std::string() : no_shared_memory;
}

Result<bool> is_in_wal_mode(Connection& connection) {
  sqlite3_file* file = file_of(connection);
  if (file == nullptr || file->pMethods == nullptr) return false;
  constexpr sqlite3_int64 versions_at = 18;  // bytes 18 and 19: versions that may write and read it, 2 = WAL
  std::array<unsigned char, 2> versions{};
  const int result = file->pMethods->xRead(file, versions.data(), static_cast<int>(versions.size()), versions_at);
  if (result == SQLITE_IOERR_SHORT_READ) return false;
  if (result != SQLITE_OK) return Error{sqlite::code_of(result), "its header cannot be read"};
  return versions[1] == 2;
}

Result<std::string> choose_journal(Connection& connection, const StoreSpec& spec, const std::string& obstacle) {
  auto mode = wanted_journal(connection, obstacle.empty());
  if (!mode) return mode;
  std::string note;
  if (*mode != "wal")
    note = fmt::format("{}; journal mode is {}", obstacle.empty() ? no_shared_memory : obstacle, *mode);
  // FULL: a commit in WAL is on disk before it returns. A row is worth a measurement of milliseconds to seconds and
  // is written once, so that its fsync does not count. In DELETE mode only EXTRA also makes the removal of the
  // journal, which is the commit, durable.
  const char* level = !spec.durable ? "NORMAL" : *mode == "wal" ? "FULL" : "EXTRA";
  if (auto done = connection.run(fmt::format("PRAGMA synchronous={}", level)); !done) return done.error();
  return note;
}

}  // namespace fftconv
