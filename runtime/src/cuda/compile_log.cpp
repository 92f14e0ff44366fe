#include "cuda/compile_log.h"

#include <charconv>
#include <optional>

namespace fftconv::cuda {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return lines;
}

/// The integer that stands directly before `words`, such as 12 in "Used 12 registers" for " registers".
std::optional<int> number_before(std::string_view line, std::string_view words) {
  const std::size_t end = line.find(words);
  if (end == std::string_view::npos) return {};
  std::size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') --begin;
  int value = 0;
  if (std::from_chars(line.data() + begin, line.data() + end, value).ec != std::errc{}) return {};
  return value;
}

int number_at(std::string_view line, std::size_t begin) {
  int value = 0;
  std::from_chars(line.data() + begin, line.data() + line.size(), value);
  return value;
}

}  // namespace

std::vector<EntryUsage> parse_entry_usage(std::string_view log) {
  constexpr std::string_view kEntry = "Compiling entry function '";
  std::vector<EntryUsage> entries;
  for (const std::string_view line : lines_of(log)) {
    if (const std::size_t at = line.find(kEntry); at != std::string_view::npos) {
      const std::string_view rest = line.substr(at + kEntry.size());
      entries.push_back({.name = std::string(rest.substr(0, rest.find('\'')))});
    }
    if (entries.empty()) continue;
    EntryUsage& entry = entries.back();
    if (const auto value = number_before(line, " bytes stack frame")) entry.stack_bytes = *value;
    if (const auto value = number_before(line, " bytes spill stores")) entry.spill_stores = *value;
    if (const auto value = number_before(line, " bytes spill loads")) entry.spill_loads = *value;
    if (const auto value = number_before(line, " registers")) entry.registers = *value;
    if (const auto value = number_before(line, " bytes smem")) entry.shared_bytes = *value;
  }
  return entries;
}

LogError first_error(std::string_view log) {
  for (const std::string_view line : lines_of(log)) {
    if (const std::size_t at = line.find("): error: "); at != std::string_view::npos) {
      const std::size_t open = line.rfind('(', at);
      return {open == std::string_view::npos ? 0 : number_at(line, open + 1), std::string(line.substr(at + 3))};
    }
    // ptxas counts lines of the PTX text, which says nothing to a reader of the source.
    if (const std::size_t at = line.find("; error"); at != std::string_view::npos) {
      return {0, std::string(line.substr(at + 2))};
    }
    if (line.find("error:") != std::string_view::npos || line.find("fatal") != std::string_view::npos) {
      return {0, std::string(line)};
    }
  }
  return {};
}

}  // namespace fftconv::cuda
