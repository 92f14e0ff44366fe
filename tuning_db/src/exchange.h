// Trials as JSON lines; trial.schema.json says what each key holds.
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
/// Keys that it does not know are passed over, so that a later fftconv may add some without a new format number.
/// Errors: invalid_argument, with what is wrong with the line: another format, a key that is missing or there twice,
/// a number that is NaN or beyond the range of its type, bytes that are not UTF-8.
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
