#include "sqlite.h"

#include <fmt/format.h>

#include <utility>

namespace fftconv::sqlite {

struct ConnectionState {
  sqlite3* handle = nullptr;
  // Statements that are not in use, by text. A statement in use is in nobody's list, so that a query may be nested
  // in itself.
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>> idle;

  ConnectionState() = default;
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;
  ~ConnectionState() {
    for (auto& [sql, statements] : idle)
      for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
    sqlite3_close_v2(handle);
  }
};

namespace {

Error error_of(sqlite3* handle, int result, std::string_view sql) {
  const char* text = handle != nullptr && sqlite3_extended_errcode(handle) == result ? sqlite3_errmsg(handle)
                                                                                     : sqlite3_errstr(result);
  return {code_of(result), fmt::format("SQLite says \"{}\" ({}) on \"{}\"", text, result, sql.substr(0, 60))};
}

}  // namespace

ErrorCode code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return ErrorCode::damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorCode::busy;
    case SQLITE_NOMEM:
      return ErrorCode::out_of_memory;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
      return ErrorCode::io;
    default:
      return ErrorCode::internal;
  }
}

Query::Query(std::shared_ptr<ConnectionState> connection, std::string_view sql)
    : connection_(std::move(connection)), sql_(sql) {
  if (auto found = connection_->idle.find(sql_); found != connection_->idle.end() && !found->second.empty()) {
    statement_ = found->second.back();
    found->second.pop_back();
    return;
  }
  note(sqlite3_prepare_v3(connection_->handle, sql_.data(), static_cast<int>(sql_.size()), SQLITE_PREPARE_PERSISTENT,
                          &statement_, nullptr));
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  connection_->idle[sql_].push_back(statement_);
}

void Query::note(int result) {
  if (failed_ == SQLITE_OK) failed_ = result;
}

void Query::bind_one(std::int64_t value) {
  if (statement_ != nullptr) note(sqlite3_bind_int64(statement_, next_++, value));
}

void Query::bind_one(double value) {
  if (statement_ != nullptr) note(sqlite3_bind_double(statement_, next_++, value));
}

void Query::bind_one(std::string_view value) {
  if (statement_ == nullptr) return;
  const char* data = value.data() != nullptr ? value.data() : "";  // a null pointer would bind NULL
  note(sqlite3_bind_text64(statement_, next_++, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Query::bind_one(std::span<const std::byte> value) {
  if (statement_ == nullptr) return;
  const void* data = value.data() != nullptr ? static_cast<const void*>(value.data()) : "";
  note(sqlite3_bind_blob64(statement_, next_++, data, value.size(), SQLITE_TRANSIENT));
}

Result<bool> Query::next() {
  int result = failed_ != SQLITE_OK ? failed_ : sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  Error error = error_of(connection_->handle, result, sql_);
  if (statement_ != nullptr) sqlite3_reset(statement_);
  return error;
}

Result<void> Query::run() {
  for (;;) {
    auto row = next();
    if (!row) return row.error();
    if (!*row) break;
  }
  sqlite3_reset(statement_);
  return {};
}

std::string Query::text(int column) const {
  const auto* data = sqlite3_column_text(statement_, column);
  int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

std::span<const std::byte> Query::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {static_cast<const std::byte*>(data), data == nullptr ? 0 : size};
}

Result<Connection> Connection::open(const std::string& file, OpenMode mode, int busy_ms) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  std::string name = mode == OpenMode::memory ? ":memory:" : file;
  if (mode == OpenMode::read_write) flags |= SQLITE_OPEN_READWRITE;
  if (mode == OpenMode::read_only) flags |= SQLITE_OPEN_READONLY;
  if (mode == OpenMode::memory) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (mode == OpenMode::immutable) {
    flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    name = "file:";
    for (char c : file) name += c == '?' || c == '#' || c == '%' ? fmt::format("%{:02x}", c) : std::string(1, c);
    name += "?immutable=1";
  }
  auto state = std::make_shared<ConnectionState>();
  int result = sqlite3_open_v2(name.c_str(), &state->handle, flags, nullptr);
  if (result != SQLITE_OK) return error_of(state->handle, result, "open");
  sqlite3* handle = state->handle;
  // What a file says is data, never code: no triggers or views of a foreign hand, no writes to internal tables.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 256 << 20);
  sqlite3_busy_timeout(handle, busy_ms);
  Connection connection(std::move(state));
  // A mapped file that shrinks is a SIGBUS; a checked cell is an error code.
  for (const char* pragma : {"PRAGMA mmap_size=0", "PRAGMA cell_size_check=ON"}) {
    if (auto done = connection.run(pragma); !done) return done.error();
  }
  return connection;
}

Connection::Connection(std::shared_ptr<ConnectionState> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<std::string> Connection::text_of(std::string_view sql) {
  Query question = query(sql);
  auto row = question.next();
  if (!row) return row.error();
  return *row ? question.text(0) : std::string();
}

Result<std::int64_t> Connection::integer_of(std::string_view sql) {
  Query question = query(sql);
  auto row = question.next();
  if (!row) return row.error();
  return *row ? question.integer(0) : std::int64_t{0};
}

void Connection::set_busy_timeout(int milliseconds) { sqlite3_busy_timeout(state_->handle, milliseconds); }
sqlite3* Connection::handle() { return state_->handle; }

Result<void> Transaction::begin() {
  auto done = connection_.run("BEGIN IMMEDIATE");
  open_ = done.ok();
  return done;
}

Result<void> Transaction::commit() {
  auto done = connection_.run("COMMIT");
  if (done) open_ = false;
  return done;
}

Transaction::~Transaction() {
  // A full disk or a damaged page may have rolled back already; a second ROLLBACK would only fail.
  if (open_ && sqlite3_get_autocommit(connection_.handle()) == 0)
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> copy(Connection& from, Connection& to) {
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) return error_of(to.handle(), sqlite3_extended_errcode(to.handle()), "backup");
  int result = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (result != SQLITE_DONE) return error_of(nullptr, result, "backup");
  return {};
}

}  // namespace fftconv::sqlite
