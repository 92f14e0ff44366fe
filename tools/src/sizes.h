// Lists of sizes as they are typed: "256,1K,4K", "256..32K", "100..200:25", "16..4096*4".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::tools {

/// "4096", "4K", "1M", "1G": suffixes are powers of 1024. Errors: invalid_argument, naming `what`.
Result<std::int64_t> parse_size(std::string_view text, std::string_view what);

/// Comma-separated sizes and ranges: A..B doubles, A..B:S steps by S, A..B*F multiplies by F; B is included where it
/// is hit. Duplicates are left out. Errors: invalid_argument.
Result<std::vector<std::int64_t>> parse_sizes(std::string_view text, std::string_view what);

/// Splits at commas; empty parts stay, for the caller to refuse.
std::vector<std::string> split_commas(std::string_view text);

}  // namespace fftconv::tools
