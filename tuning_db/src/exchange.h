// Trials as JSON lines.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/tuning_db.h"

namespace fftconv {

/// One line without its end. Numbers round-trip exactly; bytes that are not UTF-8 are replaced.
std::string format_line(const Trial& trial);
/// Errors: invalid_argument, with what is wrong with the line.
Result<Trial> parse_line(std::string_view line);

struct ParsedLines {
  std::vector<Trial> trials;
  int refused = 0;
  std::string first_refusal;
};

/// Empty lines are left out, lines that are no trial are refused and told to `complain` with their number.
ParsedLines parse_lines(std::span<const std::string_view> lines,
                        const std::function<void(const std::string&)>& complain);

}  // namespace fftconv
