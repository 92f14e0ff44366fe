// Surrogate: during one search, what is thought of the candidates that were not tried yet.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "fftconv/calibration.h"

namespace fftconv {

/// A Gaussian process over log(seconds) of one problem's candidates. Its mean before anything is tried is what they
/// are ranked by; what they share (traits, radices, vector shape) says how much one's time tells of another's. The
/// next to try are those with the greatest expected improvement over the best so far (Jones, Schonlau and Welch 1998,
/// eq. 15), one after another as if each had been found where it is expected (the "kriging believer"). Where the
/// ranking rests on trials every third one is the next by rank instead: a first that is a fifth slower than
/// expected, for a reason of its own, takes what is alike to it along, and the best may be second in the ranking.
/// Cubic in the number of observations and linear in the number of candidates.
class Surrogate {
 public:
  /// `calibrated`: the ranking rests on trials of this device, so that less is left to be learned.
  Surrogate(const Problem& problem, std::span<const Ranked> candidates, const DeviceFacts& device, bool calibrated);

  std::size_t size() const { return points_.size(); }

  /// What was measured of a candidate. `exact` is false where the time is an estimate (it left a race early).
  void observe(std::size_t candidate, double seconds, bool exact = true);
  /// It failed, or is not to be proposed for another reason.
  void exclude(std::size_t candidate);

  /// Up to `count` candidates that were neither observed nor excluded, the most promising first; of a calibrated
  /// ranking every third is the next by rank. Before the first observation: in the order of the ranking.
  std::vector<std::size_t> next(std::size_t count) const;

  /// Seconds expected of a candidate now.
  double expected(std::size_t candidate) const;

 private:
  struct Point {
    double prior = 0;  ///< log of the seconds it is ranked by
    std::vector<double> traits;
    std::size_t shape = 0;  ///< candidates of equal radices, lanes, rows and pairing have one number
    std::size_t kind = 0;   ///< of equal lanes, rows and pairing, or engine and warps
    bool open = true;       ///< may be proposed
  };
  struct Observation {
    std::size_t point = 0;
    double log_seconds = 0;
    double noise = 0;  ///< variance
  };
  struct Belief;

  Belief belief() const;
  double shared(const Point& a, const Point& b) const;  ///< covariance but for the offset
  double best() const;                                  ///< least log(seconds) that was observed

  std::vector<Point> points_;
  std::vector<Observation> observed_;
  bool calibrated_ = false;
  double trait_variance_ = 0, shape_variance_ = 0, kind_variance_ = 0, noise_variance_ = 0;
};

}  // namespace fftconv
