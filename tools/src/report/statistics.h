// Statistics that a report needs beside those of timings.
#pragma once

#include <vector>

namespace fftconv::tools {

/// Spearman's rank correlation, ties at their mean rank; 0 where one side is constant or there are fewer than 2.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace fftconv::tools
