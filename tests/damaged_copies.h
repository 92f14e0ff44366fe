// Damage of every kind to a copy of a database: bytes, pages, lengths, and tables that are not ours.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

namespace fftconv::test {

inline constexpr std::size_t kPage = 4096;

inline std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// Statements on a file as anybody could run them, the tables of SQLite's own included.
inline void run_sql(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  char* message = nullptr;
  const int result = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
  INFO(std::string(message != nullptr ? message : ""));
  CHECK(result == SQLITE_OK);
  sqlite3_free(message);
  sqlite3_close(db);
}

enum class Damage { bytes, run, truncated, swapped_pages, zero_page, header, grown, foreign_schema, kinds };

inline std::string damaged(std::string bytes, Damage kind, std::mt19937_64& random) {
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % std::max<std::size_t>(n, 1)); };
  std::size_t pages = bytes.size() / kPage;
  switch (kind) {
    case Damage::bytes:
      for (std::size_t i = 0, n = 1 + below(8); i < n; ++i) bytes[below(bytes.size())] = static_cast<char>(random());
      break;
    case Damage::run:
      for (std::size_t at = below(bytes.size()), end = std::min(at + 1 + below(600), bytes.size()); at < end; ++at)
        bytes[at] = static_cast<char>(random());
      break;
    case Damage::truncated:
      bytes.resize(below(bytes.size()));
      break;
    case Damage::swapped_pages: {
      std::size_t a = below(pages), b = below(pages);
      for (std::size_t i = 0; i < kPage; ++i) std::swap(bytes[a * kPage + i], bytes[b * kPage + i]);
      break;
    }
    case Damage::zero_page:
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(below(pages) * kPage), kPage, '\0');
      break;
    case Damage::header:
      bytes[below(100)] = static_cast<char>(random());
      break;
    case Damage::grown:
      for (std::size_t i = 0, n = below(9000); i < n; ++i) bytes += static_cast<char>(random());
      break;
    default:
      break;  // needs a file: write_damaged()
  }
  return bytes;
}

/// A sound file of `bytes` made one of somebody else's. `table` is one of its tables, `index` one of its indexes.
inline void make_foreign(const std::filesystem::path& file, const std::string& table, const std::string& index,
                         std::mt19937_64& random) {
  const std::string changes[] = {
      "CREATE TABLE more(a)",
      "CREATE INDEX more ON " + table + "(id)",
      "CREATE VIEW more AS SELECT * FROM " + table,
      "CREATE TRIGGER more AFTER INSERT ON " + table + " BEGIN DELETE FROM " + table + "; END",
      "ALTER TABLE " + table + " ADD COLUMN more TEXT NOT NULL DEFAULT ''",
      "DROP INDEX " + index,
      "ALTER TABLE " + table + " RENAME TO other",
      "PRAGMA user_version=0",
      "PRAGMA user_version=99",
      "PRAGMA application_id=1",
  };
  run_sql(file, changes[random() % std::size(changes)]);
}

/// Flips a letter of `text` in a leaf of an index, and nowhere else.
inline void damage_index_entry(const std::filesystem::path& file, const std::string& text) {
  constexpr char index_leaf = 0x0a;
  std::string bytes = read_bytes(file);
  int entries = 0;
  for (std::size_t page = kPage; page + kPage <= bytes.size(); page += kPage) {
    if (bytes[page] != index_leaf) continue;
    const std::size_t at = std::string_view(bytes).substr(page, kPage).find(text);
    if (at == std::string_view::npos) continue;
    bytes[page + at + text.size() - 1] ^= 1;
    ++entries;
  }
  REQUIRE(entries == 1);
  write_bytes(file, bytes);
}

}  // namespace fftconv::test
