// Small parts of reading canonical texts. Integers go through <charconv>, which knows no locale.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fftconv {

/// The parts of `text` between separators; one empty part where the text is empty.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// The whole of `text` as an integer in its one canonical spelling (no sign but minus, no leading zero, lower-case
/// digits), so that a value has one text only. Nothing where it is anything else or does not fit.
template <class Int>
std::optional<Int> parse_int(std::string_view text, int base = 10) {
  if (text.size() > 1 && (text[0] == '0' || text.substr(0, 2) == "-0")) return std::nullopt;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') return std::nullopt;
  }
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The same after `prefix`: parse_tagged<int>("rows4", "rows") is 4.
template <class Int>
std::optional<Int> parse_tagged(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return parse_int<Int>(text.substr(prefix.size()));
}

/// `text` between quotation marks for a message: cut when long, control characters shown as '?'.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 120;
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) out += (c >= ' ' && c <= '~') ? c : '?';
  return out + (text.size() > longest ? "…\"" : "\"");
}

}  // namespace fftconv
