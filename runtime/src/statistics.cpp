#include "fftconv/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fftconv {
namespace {

// Timings have a hard floor and a long tail. The mean follows the tail (one interrupt in ten samples moves it by
// more than candidates differ), the minimum rewards the luckiest sample and so whoever was sampled most. The median
// does neither; its spread is taken after winsorising, so that the tail does not keep a settled race going.
constexpr double kTail = 0.1;
constexpr double kMedianOverMean = 1.2533141373155003;  // sqrt(pi / 2): standard errors of median and mean, normal

std::vector<double> sorted_copy(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

/// The mean without the lowest and the highest quarter: of two or three all count, of more no single outlier does.
double middle_mean(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t tail = values.size() / 4;
  double sum = 0;
  for (std::size_t i = tail; i < values.size() - tail; ++i) sum += values[i];
  return sum / static_cast<double>(values.size() - 2 * tail);
}

}  // namespace

double quantile_of_sorted(std::span<const double> sorted, double fraction) {
  if (sorted.empty()) return 0;
  const double place = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double quantile(std::span<const double> samples, double fraction) {
  return quantile_of_sorted(sorted_copy(samples), fraction);
}

double median(std::span<const double> samples) { return quantile(samples, 0.5); }

std::vector<double> winsorised(std::span<const double> samples, double fraction) {
  const std::vector<double> sorted = sorted_copy(samples);
  const double low = quantile_of_sorted(sorted, fraction);
  const double high = quantile_of_sorted(sorted, 1 - fraction);
  std::vector<double> result(samples.begin(), samples.end());
  for (double& value : result) value = std::clamp(value, low, high);
  return result;
}

double relative_deviation(std::span<const double> samples) {
  const double centre = median(samples);
  if (samples.size() < 3 || centre <= 0) return std::numeric_limits<double>::infinity();
  const std::vector<double> values = winsorised(samples, kTail);
  const double count = static_cast<double>(values.size());
  double mean = 0;
  for (double value : values) mean += value / count;
  double variance = 0;
  for (double value : values) variance += (value - mean) * (value - mean) / (count - 1);
  return kMedianOverMean * std::sqrt(variance / count) / centre;
}

std::vector<std::size_t> quietest(std::span<const double> levels, int count) {
  std::vector<std::size_t> places(levels.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return levels[a] < levels[b]; });
  places.resize(std::min(places.size(), static_cast<std::size_t>(std::max(count, 0))));
  return places;
}

bool quiet(std::span<const double> levels, int count, double tie) {
  const std::vector<std::size_t> lowest = quietest(levels, count);
  return static_cast<int>(lowest.size()) == count &&
         (lowest.empty() || levels[lowest.back()] <= levels[lowest.front()] * (1 + tie));
}

std::vector<double> round_levels(std::span<const std::vector<double>> samples) {
  std::size_t rounds = 0;
  for (const std::vector<double>& of_one : samples) rounds = std::max(rounds, of_one.size());
  std::vector<std::vector<double>> ratios(rounds);  // logarithms, by round
  for (const std::vector<double>& of_one : samples) {
    const double centre = median(of_one);
    // The last round may have been cut short.
    if (of_one.size() + 1 < rounds || centre <= 0) continue;
    for (std::size_t round = 0; round < of_one.size(); ++round) {
      if (of_one[round] > 0) ratios[round].push_back(std::log(of_one[round] / centre));
    }
  }
  std::vector<double> levels(rounds, 1);
  for (std::size_t round = 0; round < rounds; ++round) {
    if (ratios[round].size() > 1) levels[round] = std::exp(middle_mean(std::move(ratios[round])));
  }
  return levels;
}

void level_rounds(std::span<std::vector<double>> samples) {
  const std::vector<double> levels = round_levels({samples.begin(), samples.end()});
  for (std::vector<double>& of_one : samples) {
    for (std::size_t round = 0; round < of_one.size(); ++round) of_one[round] /= levels[round];
  }
}

void summarise(Measurement& measurement) {
  const std::vector<double> sorted = sorted_copy(measurement.samples);
  measurement.lower_quartile = quantile_of_sorted(sorted, 0.25);
  measurement.median = quantile_of_sorted(sorted, 0.5);
  measurement.upper_quartile = quantile_of_sorted(sorted, 0.75);
}

}  // namespace fftconv
