// Aligned text tables.
#pragma once

#include <string>
#include <vector>

namespace fftconv::tools {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

/// Rows of cells under titles, a rule between; two spaces between columns, no trailing spaces.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Missing cells at the end are empty; more cells than columns is a programming error (they are left out).
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns that UTF-8 text takes on a terminal, one a code point.
std::size_t display_width(const std::string& text);

// Numbers for people, three significant digits, never by the locale: "1.23 ms", "4.56 GB/s", "1.2e-07", "1.84x".
std::string show_seconds(double seconds);
std::string show_rate(double bytes_per_second);
std::string show_bytes(double bytes);
std::string show_error(double relative_l2);
std::string show_ratio(double ratio);

}  // namespace fftconv::tools
