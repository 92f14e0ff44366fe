// What one search did, in numbers: for the lines below a sweep's table, and for its JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fftconv/search.h"

namespace fftconv::tools {

/// Why combinations are not in the space, with how many: SearchRecord::refused, read.
std::vector<std::pair<int, std::string>> refusals_of(const SearchRecord& record);

/// "12 of 208"; "208 of 208 + 1" where a kernel was measured that is none of the space.
std::string measured_text(const SearchRecord& record);

/// A line with the problem, then one each for the space, the refusals, what was compiled and measured, the best
/// candidate, and the regret.
std::string search_details(const SearchSummary& summary);

}  // namespace fftconv::tools
