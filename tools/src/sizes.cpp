#include "sizes.h"

#include <fmt/format.h>

#include <charconv>
#include <unordered_set>

namespace fftconv::tools {
namespace {

constexpr std::size_t kMostSizes = 100000;

Error not_a_size(std::string_view text, std::string_view what) {
  return invalid(
      fmt::format("{} '{}' is not a size; write 4096, 4K, 256..32K, 100..200:25 or a list of these", what, text));
}

Result<void> append_range(std::string_view text, std::size_t dots, std::string_view what,
                          std::vector<std::int64_t>& sizes) {
  const std::string_view rest = text.substr(dots + 2);
  const std::size_t mark = rest.find_first_of(":*");
  const auto first = parse_size(text.substr(0, dots), what);
  if (!first) return first.error();
  const auto last = parse_size(rest.substr(0, mark), what);
  if (!last) return last.error();
  const auto step = mark == rest.npos ? Result<std::int64_t>(2) : parse_size(rest.substr(mark + 1), what);
  if (!step) return step.error();
  const bool adds = mark != rest.npos && rest[mark] == ':';
  if (*last < *first) return invalid(fmt::format("the range '{}' of {} ends before it begins", text, what));
  if (*step < (adds ? 1 : 2) || (!adds && *first == 0)) {
    return invalid(
        fmt::format("the range '{}' of {} never ends; step by at least 1, multiply by at least 2", text, what));
  }
  for (std::int64_t size = *first; size <= *last; size = adds ? size + *step : size * *step) {
    sizes.push_back(size);
    if (sizes.size() > kMostSizes) {
      return invalid(fmt::format("the range '{}' of {} has more than {} sizes", text, what, kMostSizes));
    }
    if (!adds && size > *last / *step) break;
  }
  return {};
}

}  // namespace

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t comma = text.find(',', at);
    parts.emplace_back(text.substr(at, comma == text.npos ? text.npos : comma - at));
    if (comma == text.npos) return parts;
    at = comma + 1;
  }
}

Result<std::int64_t> parse_size(std::string_view text, std::string_view what) {
  std::string_view digits = text;
  std::int64_t unit = 1;
  if (!digits.empty()) {
    const char suffix = digits.back();
    if (suffix == 'K' || suffix == 'k') unit = std::int64_t{1} << 10;
    if (suffix == 'M' || suffix == 'm') unit = std::int64_t{1} << 20;
    if (suffix == 'G' || suffix == 'g') unit = std::int64_t{1} << 30;
    if (unit > 1) digits.remove_suffix(1);
  }
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size() || value < 0 ||
      value > (std::int64_t{1} << 40) / unit) {
    return not_a_size(text, what);
  }
  return value * unit;
}

Result<std::vector<std::int64_t>> parse_sizes(std::string_view text, std::string_view what) {
  std::vector<std::int64_t> sizes;
  for (const std::string& part : split_commas(text)) {
    if (const std::size_t dots = part.find(".."); dots != part.npos) {
      auto added = append_range(part, dots, what, sizes);
      if (!added) return added.error();
    } else {
      const auto size = parse_size(part, what);
      if (!size) return size.error();
      sizes.push_back(*size);
    }
  }
  std::unordered_set<std::int64_t> seen;
  std::erase_if(sizes, [&](std::int64_t size) { return !seen.insert(size).second; });
  return sizes;
}

}  // namespace fftconv::tools
