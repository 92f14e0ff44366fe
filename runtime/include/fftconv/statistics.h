// Statistics of timings. Pure functions: no clock, no device.
#pragma once

#include <cstddef>
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

/// The places of the `count` lowest of `levels` (of all, where they are fewer), lowest first.
std::vector<std::size_t> quietest(std::span<const double> levels, int count);
/// Whether `count` of `levels` are within `tie` (0.02: 2 %) of the lowest.
bool quiet(std::span<const double> levels, int count, double tie);

/// How slow each round of a race was: about 1, more where all that ran in it were slowed down together. `samples`: of
/// each candidate, the n-th from the n-th round; who left the race early has no say. A two-way fit of rounds and
/// candidates to log(seconds) in one step (J. W. Tukey, Exploratory Data Analysis, 1977, chapter 11), with the mean
/// of the middle half in place of the median of a round. All 1 where fewer than two ran to the end.
std::vector<double> round_levels(std::span<const std::vector<double>> samples);
/// Divides each sample by the level of its round; `samples` as above.
void level_rounds(std::span<std::vector<double>> samples);

/// Fills the quartiles and the median of `measurement` from its samples.
void summarise(Measurement& measurement);

}  // namespace fftconv
