// Store: a SQLite file of ours that goes on working whatever state it is in; shared by both databases.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "fftconv/result.h"
#include "fftconv/tuning_db.h"
#include "file_system.h"
#include "index_check.h"
#include "private_file.h"
#include "sqlite.h"

namespace fftconv {

/// What makes a file one of ours.
struct StoreSpec {
  std::string_view name;  ///< for messages
  int application_id = 0;
  int version = 0;  ///< user_version
  std::span<const std::string_view> schema;
  /// The n-th entry's statements make version n + 2 of version n + 1.
  std::span<const std::span<const std::string_view>> migrations;
  /// true: a commit survives a loss of power (synchronous FULL in WAL, EXTRA in DELETE mode).
  /// false: it survives the end of the process only (NORMAL); for what can be made again.
  bool durable = true;
  /// Files up to this size are checked completely when opened; larger ones row by row as they are read.
  std::int64_t check_below_bytes = 0;
  /// Copies the sound rows of a damaged file into a new one and counts them; may be null.
  Result<int> (*salvage)(sqlite::Connection& from, sqlite::Connection& to) = nullptr;
  /// Walks of IndexCheck over all tables that lookups reach by an index.
  std::span<const std::string_view> index_walks;
  /// Tells the type of the file system that a file lies on; tests put another in.
  Result<std::uint32_t> (*file_system_type)(const std::filesystem::path& file) = fftconv::file_system_type;
};

/// A database file as open_database() hands it over.
struct Opened {
  sqlite::Connection connection;
  std::string note;      ///< worth logging, e.g. that WAL was refused; usually empty
  bool checked = false;  ///< every page and index was
};

inline constexpr int busy_wait_ms = 5000;
inline constexpr int miss_check_ms = 100;  // what follows a miss, a compilation, takes longer

class Store {
 public:
  /// Opens or creates `file` by the rules of TuningDb. Errors: busy; everything else ends in memory, logged.
  static Result<Store> open(const StoreSpec& spec, const std::filesystem::path& file, LogCallback log,
                            bool read_only);

  /// Opens a private copy of `file` to read it, whoever it belongs to and wherever it lies; every page and index was
  /// checked. The copy is gone by then: nothing is left to remove. Not for a file that this process has open.
  /// Errors: not_found, damaged (also a foreign file), unsupported (a later version), busy, io, out_of_memory.
  static Result<Store> open_copy(const StoreSpec& spec, const std::filesystem::path& file, LogCallback log);

  /// Runs `work` in one immediate transaction. A damaged file is set aside and a place that refuses to be written is
  /// left for memory, each logged, and `work` runs again there. Errors: busy, or what `work` says.
  Result<void> write(const std::function<Result<void>(sqlite::Connection&)>& work);
  /// Runs `work`; a failure is logged (and repaired as in write()) and returned.
  Result<void> read(const std::function<Result<void>(sqlite::Connection&)>& work);

  /// For a lookup that found nothing, where the file was too large to be checked when it was opened: goes on
  /// comparing its rows with its indexes for up to `miss_check_ms`, until all were compared once. true: something was
  /// found, logged and mended, look again.
  bool mend_after_miss();

  /// Checks every page and index where that was not done when the file was opened. Errors: damaged, io, …
  Result<void> check_whole();

  sqlite::Connection& connection() { return connection_; }
  bool in_memory() const { return in_memory_; }
  bool read_only() const { return read_only_; }
  /// From here on write() refuses.
  void freeze() { read_only_ = true; }
  const std::filesystem::path& file() const { return file_; }
  void say(const std::string& event) const;

 private:
  Store(const StoreSpec& spec, std::filesystem::path file, LogCallback log, bool read_only,
        sqlite::Connection connection);
  Result<void> open_file();
  Result<void> open_file_locked();
  Result<void> read_copy();
  Result<void> start_memory(const Error& why);
  Result<void> recover(const Error& why);
  Result<void> leave_for_memory(const Error& why);
  Result<void> follow_file();
  void use(Opened opened);
  Error explain(const Error& error) const;

  const StoreSpec* spec_;
  std::filesystem::path file_;
  LogCallback log_;
  bool read_only_;
  bool in_memory_ = true;
  FileIdentity identity_;
  sqlite::Connection connection_;
  bool checked_ = true;     // every page and index of connection_'s file
  IndexCheck index_check_;  // of the same, where that is too large for it
};

}  // namespace fftconv
