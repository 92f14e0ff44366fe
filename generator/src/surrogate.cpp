#include "fftconv/surrogate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <tuple>

#include "cholesky.h"

namespace fftconv {
namespace {

// Standard deviations of log(seconds). Those of the calibrated case made the least regret when each of the
// calibration problems of tests/targets/search_regret was searched with what the others teach: a calibrated ranking
// is seldom wrong about a whole kind, and single candidates differ from it by more than their kind does.
constexpr double kOffset = 1.0;             // of the whole problem: a prediction may be off by any factor
constexpr double kTraitCalibrated = 0.015;  // by a trait that changes by one
constexpr double kShapeCalibrated = 0.01;   // of the candidates of one shape together
constexpr double kKindCalibrated = 0.02;    // of the candidates of one kind together
constexpr double kNoiseCalibrated = 0.02;   // of a candidate alone, with the noise of its median
constexpr double kTraitUncalibrated = 0.2;  // the same where the weights are a guess
constexpr double kShapeUncalibrated = 0.05;
constexpr double kKindUncalibrated = 0.05;
constexpr double kNoiseUncalibrated = 0.01;
constexpr double kNoiseOfEstimate = 0.05;  // where it left its race early

// What is slower than the best by more than this says no more than that it is slow: by how much is its own affair (a
// cache that it misses by a little, a store that the memory does not like), and a large surprise would move all that
// is alike to it.
constexpr double kSlow = 0.15;

// Deviations are believed to be those above, or times the root of one of these, as the observations say: one device
// is further from its model than another, and one problem from the others.
constexpr double kLargerScales[] = {4, 16};

double square(double x) { return x * x; }

/// Mean of max(0, best - x) for x normal.
double expected_improvement(double best, double mean, double deviation) {
  if (!(deviation > 0)) return std::max(0.0, best - mean);
  const double z = (best - mean) / deviation;
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  const double below = std::erfc(-z / std::numbers::sqrt2) / 2;
  return (best - mean) * below + deviation * density;
}

}  // namespace

/// The process given what was observed: a mean and a variance for each point, kept up to date as observations come.
struct Surrogate::Belief {
  /// `scale`: of all variances but the noise and the offset's.
  Belief(const Surrogate& surrogate, double scale_of_variances) : of(&surrogate), scale(scale_of_variances) {
    for (const Point& point : of->points_) {
      mean.push_back(point.prior);
      variance.push_back(covariance(point, point));
    }
    const double slow = of->best() + kSlow;
    for (Observation observation : of->observed_) {
      observation.log_seconds = std::min(observation.log_seconds, slow);
      add(observation);
    }
  }

  // One row of the Cholesky factor of the observations' covariance, for all points at once: what the new observation
  // says beyond the ones before it.
  void add(const Observation& observation) {
    const Point& at = of->points_[observation.point];
    std::vector<double> column(of->points_.size());
    for (std::size_t i = 0; i < column.size(); ++i) {
      column[i] = covariance(at, of->points_[i]);
      for (const std::vector<double>& before : columns) column[i] -= before[observation.point] * before[i];
    }
    const double pivot = column[observation.point] + observation.noise;
    if (!(pivot > 1e-12)) return;
    const double surprise = (observation.log_seconds - mean[observation.point]) / pivot;
    log_likelihood -= (std::log(pivot) + square(surprise) * pivot) / 2;
    for (std::size_t i = 0; i < column.size(); ++i) {
      mean[i] += column[i] * surprise;
      variance[i] = std::max(0.0, variance[i] - square(column[i]) / pivot);
      column[i] /= std::sqrt(pivot);
    }
    columns.push_back(std::move(column));
  }

  double covariance(const Point& a, const Point& b) const { return square(kOffset) + scale * of->shared(a, b); }

  const Surrogate* of;
  double scale = 1;
  double log_likelihood = 0;  ///< of the observations, up to a constant
  std::vector<double> mean, variance;
  std::vector<std::vector<double>> columns;
};

Surrogate::Surrogate(const Problem& problem, std::span<const Ranked> candidates, const DeviceFacts& device,
                     bool calibrated)
    : calibrated_(calibrated),
      trait_variance_(square(calibrated ? kTraitCalibrated : kTraitUncalibrated)),
      shape_variance_(square(calibrated ? kShapeCalibrated : kShapeUncalibrated)),
      kind_variance_(square(calibrated ? kKindCalibrated : kKindUncalibrated)),
      noise_variance_(square(calibrated ? kNoiseCalibrated : kNoiseUncalibrated)) {
  using Kind = std::tuple<int, int, int, int, bool>;
  std::map<Kind, std::size_t> kinds;
  std::map<std::pair<Kind, std::vector<int>>, std::size_t> shapes;
  for (const Ranked& candidate : candidates) {
    const KernelConfig& c = candidate.config;
    const Kind kind{static_cast<int>(c.engine), c.lanes, c.rows, c.warps, c.paired};
    Point point;
    point.prior = std::log(std::max(candidate.expected_s, 1e-12));
    point.traits = candidate_traits(problem, c, device);
    point.kind = kinds.try_emplace(kind, kinds.size()).first->second;
    point.shape = shapes.try_emplace({kind, c.radices}, shapes.size()).first->second;
    points_.push_back(std::move(point));
  }
}

/// The belief under the scale that makes the observations likeliest.
Surrogate::Belief Surrogate::belief() const {
  Belief likeliest(*this, 1);
  for (const double scale : kLargerScales) {
    Belief other(*this, scale);
    other.log_likelihood -= 0.7 * std::log(scale);  // prior: the larger, the less likely
    if (other.log_likelihood > likeliest.log_likelihood) likeliest = std::move(other);
  }
  return likeliest;
}

double Surrogate::shared(const Point& a, const Point& b) const {
  double distance = 0;  // traits enter as a stationary kernel: candidates alike in all of them have much in common
  for (std::size_t i = 0; i < a.traits.size(); ++i) distance += square(a.traits[i] - b.traits[i]);
  const double breadth = 4;  // squared distance at which traits say little of each other
  double sum = breadth * trait_variance_ * std::exp(-distance / (2 * breadth));
  if (a.kind == b.kind) sum += kind_variance_;
  if (a.shape == b.shape) sum += shape_variance_;
  return sum;
}

void Surrogate::observe(std::size_t candidate, double seconds, bool exact) {
  exclude(candidate);
  if (!(seconds > 0) || !std::isfinite(seconds)) return;
  observed_.push_back({candidate, std::log(seconds), exact ? noise_variance_ : square(kNoiseOfEstimate)});
}

double Surrogate::best() const {
  double best = std::numeric_limits<double>::infinity();
  for (const Observation& observation : observed_) best = std::min(best, observation.log_seconds);
  return best;
}

void Surrogate::exclude(std::size_t candidate) { points_[candidate].open = false; }

std::vector<std::size_t> Surrogate::next(std::size_t count) const {
  std::vector<std::size_t> order;
  Belief belief = this->belief();
  const double best = this->best();
  std::vector<bool> taken(points_.size());
  const auto next_by_rank = [&] {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (!points_[i].open || taken[i]) continue;
      if (!first || points_[i].prior < points_[*first].prior) first = i;
    }
    return first;
  };
  const auto most_promising = [&] {
    std::optional<std::size_t> chosen;
    double most = -1;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (!points_[i].open || taken[i]) continue;
      const double gain = expected_improvement(best, belief.mean[i], std::sqrt(belief.variance[i] + noise_variance_));
      // Where nothing is expected of any, the one with the least mean.
      const double score = gain > 1e-12 ? gain : 1e-12 * std::exp(std::min(0.0, best - belief.mean[i]));
      if (score > most) most = score, chosen = i;
    }
    return chosen;
  };
  while (order.size() < count) {
    const bool by_rank = observed_.empty() || (calibrated_ && (observed_.size() + order.size()) % 3 == 1);
    const std::optional<std::size_t> chosen = by_rank ? next_by_rank() : most_promising();
    if (!chosen) break;
    taken[*chosen] = true;
    order.push_back(*chosen);
    belief.add({*chosen, belief.mean[*chosen], noise_variance_});
  }
  return order;
}

double Surrogate::expected(std::size_t candidate) const {
  return std::exp(observed_.empty() ? points_[candidate].prior : belief().mean[candidate]);
}

}  // namespace fftconv
