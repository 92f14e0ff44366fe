#include "store_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "file_system.h"
#include "journal.h"

namespace fftconv {
namespace {

using sqlite::Connection;
using sqlite::OpenMode;

Result<void> create_tables(const StoreSpec& spec, Connection& connection) {
  for (std::string_view statement : spec.schema)
    if (auto done = connection.run(statement); !done) return done;
  for (const std::string& pragma : {fmt::format("PRAGMA application_id={}", spec.application_id),
                                    fmt::format("PRAGMA user_version={}", spec.version)})
    if (auto done = connection.run(pragma); !done) return done;
  return {};
}

// All definitions as one text. ANALYZE's tables are SQLite's own affair.
Result<std::string> definitions(Connection& connection) {
  return connection.text_of(
      "SELECT group_concat(type || '|' || name || '|' || tbl_name || '|' || ifnull(sql, ''), char(10)) FROM "
      "(SELECT * FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY name)");
}

Result<void> check_identity(const StoreSpec& spec, Connection& connection) {
  auto application = connection.integer_of("PRAGMA application_id");
  if (!application) return application.error();
  auto version = connection.integer_of("PRAGMA user_version");
  if (!version) return version.error();
  if (*application != spec.application_id)
    return Error{ErrorCode::damaged, fmt::format("it is not a {} (application_id {})", spec.name, *application)};
  if (*version > spec.version)
    return Error{ErrorCode::unsupported, fmt::format("it was written by a later fftconv (version {}, this one knows "
                                                     "{})",
                                                     *version, spec.version)};
  auto wanted_connection = open_memory_database(spec);
  if (!wanted_connection) return wanted_connection.error();
  auto wanted = definitions(*wanted_connection);
  auto found = definitions(connection);
  if (!wanted) return wanted.error();
  if (!found) return found.error();
  if (*version != spec.version || *wanted != *found)
    return Error{ErrorCode::damaged, "its tables are not those of this version"};
  return {};
}

Result<bool> is_older(const StoreSpec& spec, Connection& connection) {
  auto application = connection.integer_of("PRAGMA application_id");
  if (!application) return application.error();
  auto version = connection.integer_of("PRAGMA user_version");
  if (!version) return version.error();
  return *application == spec.application_id && *version >= 1 && *version < spec.version &&
         spec.version - 1 <= static_cast<int>(spec.migrations.size());
}

// All or nothing: what does not end as this version's tables is left as it was, and is damaged.
Result<void> migrate(const StoreSpec& spec, Connection& connection) {
  sqlite::Transaction transaction(connection);
  if (auto done = transaction.begin(); !done) return done;
  auto version = connection.integer_of("PRAGMA user_version");  // another process may have been faster
  if (!version) return version.error();
  for (std::int64_t next = *version; next < spec.version; ++next)
    for (std::string_view statement : spec.migrations[static_cast<std::size_t>(next - 1)])
      if (auto done = connection.run(statement); !done)
        return done.error().code == ErrorCode::internal
                   ? Error{ErrorCode::damaged, fmt::format("its tables are not those of version {}", *version)}
                   : done.error();
  if (auto done = connection.run(fmt::format("PRAGMA user_version={}", spec.version)); !done) return done;
  if (auto fine = check_identity(spec, connection); !fine) return fine;
  return transaction.commit();
}

// An older file that may not be changed: its copy is.
Result<Connection> migrated_copy(const StoreSpec& spec, Connection& connection) {
  auto memory = Connection::open("", OpenMode::memory, 0);
  if (!memory) return memory;
  if (auto done = sqlite::copy(connection, *memory); !done) return done.error();
  if (auto done = migrate(spec, *memory); !done) return done.error();
  return memory;
}

// A disk that cannot be read says nothing against the file. The check does not fail by it, it names such pages among
// the damaged ones, by result code.
Result<void> judge(Connection& connection) {
  auto query = connection.query("PRAGMA integrity_check(100)");
  std::string first;
  for (;;) {
    auto row = query.next();
    if (!row) return row.error();
    if (!*row) break;
    const std::string line = query.text(0);
    if (line == "ok") return {};
    if (first.empty()) first = line;
    constexpr std::string_view mark = "error code=";
    for (std::size_t at = line.find(mark); at != line.npos; at = line.find(mark, at + 1)) {
      const ErrorCode code = sqlite::code_of(std::atoi(line.c_str() + at + mark.size()));
      if (code == ErrorCode::io || code == ErrorCode::out_of_memory)
        return Error{code, fmt::format("it cannot be read (its check says \"{}\")", line)};
    }
  }
  return Error{ErrorCode::damaged, fmt::format("its check says \"{}\"", first)};
}

// Whether it was checked: large files are not.
Result<bool> check_content(const StoreSpec& spec, Connection& connection) {
  auto pages = connection.integer_of("PRAGMA page_count");
  auto page_size = connection.integer_of("PRAGMA page_size");
  if (!pages) return pages.error();
  if (!page_size) return page_size.error();
  if (*pages * *page_size > spec.check_below_bytes) return false;
  if (auto fine = check_every_page(connection); !fine) return fine.error();
  return true;
}

bool is_empty(const Result<std::int64_t>& application, const Result<std::int64_t>& objects) {
  return application && objects && *application == 0 && *objects == 0;
}

// Without a log beside it a file in WAL mode is complete.
bool has_log(const std::filesystem::path& file) { return std::filesystem::exists(file.string() + "-wal"); }

// A reader of a file in WAL mode writes to the memory that its processes share, which other hosts do not see.
Result<void> check_readable(const StoreSpec& spec, Connection& connection, const std::filesystem::path& file) {
  auto type = spec.file_system_type(file);
  if (!type) return type.error();
  const char* shared = shared_file_system(*type);
  if (shared == nullptr) return {};
  auto wal = is_in_wal_mode(connection);
  if (!wal) return wal.error();
  if (!*wal) return {};
  if (has_log(file))
    return Error{ErrorCode::io,
                 fmt::format("it lies on {} with a write-ahead log, which only processes of one host can read: end "
                             "what has it open, then open it once for writing, as any sweep does",
                             shared)};
  auto opened = Connection::open(file.string(), OpenMode::immutable, busy_wait_ms);
  if (!opened) return opened.error();
  connection = std::move(*opened);
  return {};
}

Result<Opened> open_unchecked(const StoreSpec& spec, const std::filesystem::path& file, bool read_only) {
  auto connection =
      Connection::open(file.string(), read_only ? OpenMode::read_only : OpenMode::read_write, busy_wait_ms);
  if (!connection) return connection.error();
  if (read_only)
    if (auto safe = check_readable(spec, *connection, file); !safe) return safe.error();
  const std::string obstacle = read_only ? std::string() : obstacle_to_wal(spec, *connection, file);
  // A file that is in WAL mode from elsewhere can be read without shared memory by a process that has it for itself.
  if (!obstacle.empty())
    if (auto done = connection->run("PRAGMA locking_mode=EXCLUSIVE"); !done) return done.error();
  auto application = connection->integer_of("PRAGMA application_id");
  if (!application && application.error().code == ErrorCode::io && read_only) {
    // A WAL database in a place where its shared memory cannot be made.
    if (has_log(file)) return application.error();
    connection = Connection::open(file.string(), OpenMode::immutable, busy_wait_ms);
    if (!connection) return connection.error();
    application = connection->integer_of("PRAGMA application_id");
  }
  if (!application) return application.error();
  // Bytes 18 and 19 of a file say which versions may write it; SQLite takes an impossible one for "read only".
  if (!read_only && sqlite3_db_readonly(connection->handle(), "main") == 1 && access(file.c_str(), W_OK) == 0)
    return Error{ErrorCode::damaged, "its header does not allow writing"};
  auto objects = connection->integer_of("SELECT count(*) FROM sqlite_schema");
  if (!objects) return objects.error();
  std::string note;
  auto older = is_older(spec, *connection);
  if (!older) return older.error();
  if (read_only && *older) {
    connection = migrated_copy(spec, *connection);
    if (!connection) return connection.error();
  } else if (*older) {
    if (auto done = migrate(spec, *connection); !done) return done.error();
    note = fmt::format("its tables were brought to version {}", spec.version);
  }
  if (read_only) {
    if (auto fine = check_identity(spec, *connection); !fine) return fine.error();
  } else {
    bool empty = is_empty(application, objects);
    if (!empty) {
      if (auto fine = check_identity(spec, *connection); !fine) return fine.error();
    } else if (auto done = connection->run("PRAGMA auto_vacuum=INCREMENTAL"); !done) {
      return done.error();
    }
    auto journal = choose_journal(*connection, spec, obstacle);
    if (!journal) return journal.error();
    if (!journal->empty()) note += (note.empty() ? "" : "; ") + *journal;
    if (empty) {
      sqlite::Transaction transaction(*connection);
      if (auto done = transaction.begin(); !done) return done.error();
      if (auto done = create_tables(spec, *connection); !done) return done.error();
      if (auto done = transaction.commit(); !done) return done.error();
    }
  }
  auto checked = check_content(spec, *connection);
  if (!checked) return checked.error();
  return Opened{std::move(*connection), note, *checked};
}

}  // namespace

Result<Connection> open_memory_database(const StoreSpec& spec) {
  auto connection = Connection::open("", OpenMode::memory, 0);
  if (!connection) return connection;
  if (auto done = create_tables(spec, *connection); !done) return done.error();
  return connection;
}

Result<Opened> open_database(const StoreSpec& spec, const std::filesystem::path& file, bool read_only) {
  auto opened = open_unchecked(spec, file, read_only);
  // The statements are ours and right: what SQLite cannot make sense of is the file ("unsupported file format").
  if (!opened && opened.error().code == ErrorCode::internal) return Error{ErrorCode::damaged, opened.error().message};
  return opened;
}

Result<void> check_every_page(Connection& connection) {
  auto verdict = connection.text_of("PRAGMA integrity_check(1)");
  if (!verdict) return verdict.error();
  return *verdict == "ok" ? Result<void>() : judge(connection);
}

int salvage_rows(const StoreSpec& spec, const std::filesystem::path& damaged, Connection& to) {
  if (spec.salvage == nullptr) return 0;
  auto from = Connection::open(damaged.string(), OpenMode::read_only, 0);
  if (!from) return 0;
  auto application = from->integer_of("PRAGMA application_id");
  if (!application || *application != spec.application_id) return 0;
  auto older = is_older(spec, *from);
  if (older && *older) from = migrated_copy(spec, *from);
  if (!from) return 0;
  sqlite::Transaction transaction(to);
  if (!transaction.begin()) return 0;
  auto rows = spec.salvage(*from, to);
  if (!rows || !transaction.commit()) return 0;
  return *rows;
}

}  // namespace fftconv
