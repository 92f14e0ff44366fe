// SQLite's C interface with owners: a connection, cached prepared statements, a transaction.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::sqlite {

/// Translates an (extended) result code: damaged (corrupt, not a database), busy, out_of_memory, io (no space, read
/// only, cannot open, i/o error), internal (everything else).
ErrorCode code_of(int result);

struct ConnectionState;

/// One use of a prepared statement. Goes back to the connection's cache, reset, when it leaves scope.
class Query {
 public:
  Query(std::shared_ptr<ConnectionState> connection, std::string_view sql);
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  /// Binds parameters 1 … n in order.
  template <class... T>
  Query& bind(const T&... values) {
    next_ = 1;
    (bind_one(values), ...);
    return *this;
  }

  /// Steps once: true = there is a row.
  Result<bool> next();
  /// Steps to the end.
  Result<void> run();

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string text(int column) const;
  /// Valid until the next step.
  std::span<const std::byte> blob(int column) const;

 private:
  void bind_one(std::int64_t value);
  void bind_one(int value) { bind_one(static_cast<std::int64_t>(value)); }
  void bind_one(bool value) { bind_one(static_cast<std::int64_t>(value)); }
  void bind_one(double value);
  void bind_one(std::string_view value);
  void bind_one(const std::string& value) { bind_one(std::string_view(value)); }
  void bind_one(const char* value) { bind_one(std::string_view(value)); }
  void bind_one(std::span<const std::byte> value);
  void bind_one(const std::vector<std::byte>& value) { bind_one(std::span<const std::byte>(value)); }
  void note(int result);

  std::shared_ptr<ConnectionState> connection_;  // outlives a Connection that is replaced during the query
  std::string sql_;
  sqlite3_stmt* statement_ = nullptr;
  int next_ = 1;
  int failed_ = SQLITE_OK;  // first failure of prepare or bind, reported by next()
};

enum class OpenMode { read_write, read_only, immutable, memory };

class Connection {
 public:
  /// Opens without touching the content. The file must exist (OpenMode::memory takes no name).
  static Result<Connection> open(const std::string& file, OpenMode mode, int busy_ms);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  Query query(std::string_view sql) { return Query(state_, sql); }
  Result<void> run(std::string_view sql) { return query(sql).run(); }
  /// First column of the first row; empty where there is no row.
  Result<std::string> text_of(std::string_view sql);
  Result<std::int64_t> integer_of(std::string_view sql);
  void set_busy_timeout(int milliseconds);
  sqlite3* handle();

 private:
  explicit Connection(std::shared_ptr<ConnectionState> state);
  std::shared_ptr<ConnectionState> state_;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back when it leaves scope without commit().
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  Result<void> begin();
  Result<void> commit();

 private:
  Connection& connection_;
  bool open_ = false;
};

/// Copies all pages of `from` into `to`.
Result<void> copy(Connection& from, Connection& to);

}  // namespace fftconv::sqlite
