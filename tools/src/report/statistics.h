// Statistics that a report needs beside those of timings.
#pragma once

#include <vector>

namespace fftconv::tools {

/// The value below which `fraction` (0 … 1) of sorted values lie, interpolated; 0 where there are none.
double sorted_quantile(const std::vector<double>& sorted, double fraction);

/// Spearman's rank correlation, ties at their mean rank; 0 where one side is constant or there are fewer than 2.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace fftconv::tools
