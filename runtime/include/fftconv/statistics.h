// Statistics of timings. Pure functions: no clock, no device.
#pragma once

#include <span>
#include <vector>

#include "fftconv/measurement.h"

namespace fftconv {

/// The value below which `fraction` (0 … 1) of the samples lie, interpolated; 0 where there are no samples.
double quantile(std::span<const double> samples, double fraction);
/// The same where the samples are sorted already.
double quantile_of_sorted(std::span<const double> sorted, double fraction);
double median(std::span<const double> samples);

/// The samples with those outside the quantiles [fraction, 1 - fraction] moved to them, in the same order.
std::vector<double> winsorised(std::span<const double> samples, double fraction);

/// Standard error of the median over the median, from samples winsorised at one tenth: how far another run's median
/// may be from this one. Infinity below three samples.
double relative_deviation(std::span<const double> samples);

/// Fills the quartiles and the median of `measurement` from its samples.
void summarise(Measurement& measurement);

}  // namespace fftconv
