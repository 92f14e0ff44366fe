#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fftconv::tools {
namespace {

/// Three significant digits without an exponent, for values from 0.001 to 10^6.
std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::string scaled(double value, double step, const std::vector<const char*>& units) {
  std::size_t unit = 0;
  while (unit + 1 < units.size() && value >= 999.5 * (step / 1000)) {
    value /= step;
    ++unit;
  }
  return three_digits(value) + " " + units[unit];
}

}  // namespace

std::size_t display_width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const auto& cell) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string content = cell(i);
      const std::string pad(widths[i] - display_width(content), ' ');
      if (i > 0) text += "  ";
      text += columns_[i].align == Align::right ? pad + content : content + pad;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](std::size_t i) { return columns_[i].title; });
  line([&](std::size_t i) { return std::string(widths[i], '-'); });
  for (const auto& row : rows_) line([&](std::size_t i) { return row[i]; });
  return out;
}

std::string show_seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds <= 0) return "-";
  return scaled(seconds * 1e9, 1000, {"ns", "us", "ms", "s"});
}

std::string show_rate(double bytes_per_second) {
  if (!std::isfinite(bytes_per_second) || bytes_per_second <= 0) return "-";
  return scaled(bytes_per_second / 1e6, 1000, {"MB/s", "GB/s", "TB/s"});
}

std::string show_bytes(double bytes) {
  if (!std::isfinite(bytes) || bytes < 0) return "-";
  if (bytes < 1000) return fmt::format("{:.0f} B", bytes);
  return scaled(bytes / 1024, 1024, {"KiB", "MiB", "GiB"});
}

std::string show_error(double relative_l2) {
  if (std::isinf(relative_l2)) return "not finite";
  if (!(relative_l2 >= 0)) return "-";
  return fmt::format("{:.1e}", relative_l2);
}

std::string show_ratio(double ratio) {
  if (!std::isfinite(ratio) || ratio <= 0) return "-";
  return three_digits(ratio) + "x";
}

}  // namespace fftconv::tools
