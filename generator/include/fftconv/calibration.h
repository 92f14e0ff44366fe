// Calibration: what the trials of one device say the cost model from first principles leaves out.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "fftconv/cost_model.h"
#include "fftconv/forest.h"

namespace fftconv {

/// What distinguishes a candidate from the other candidates of its problem, as numbers of order 1: logarithms of its
/// counts, and the choices that the counts do not show (interleaving, streaming stores, where tables live …). The
/// same length for every candidate.
std::vector<double> candidate_traits(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

/// A candidate and its problem as plain numbers, for trees: radices one by one, choices, lengths. The same length for
/// every candidate; all finite.
std::vector<double> candidate_structure(const Problem& problem, const KernelConfig& config);

/// A candidate that was timed.
struct TimedCandidate {
  Problem problem;
  KernelConfig config;
  double seconds = 0;  ///< median
};

/// log(seconds) = log(predicted) + offset + weights . traits + forest(structure). The prediction is from nominal
/// rates, so that the same trials rank candidates alike in every process: what the rates are wrong about is in the
/// offset and the weights. The weights are fitted by ridge regression over the trials of one device, the forest to
/// what they leave: which orders of radices, leaves and choices go together is no sum of their parts. The weights
/// come from differences within problems (each problem has its own offset), since ranking is what they are for; slow
/// candidates count less than those near the best of their problem, and outliers are given less weight (Huber's
/// weights, iterated).
class Calibration {
 public:
  /// As many of the latest trials are worth reading: more teach little more and cost a first search milliseconds.
  static constexpr int kTrialsWorthReading = 4000;

  /// None where the trials are too few to say anything: fewer than 32, or of fewer than two problems with eight
  /// candidates each. Trials without a positive finite time are left out.
  static std::optional<Calibration> fit(std::span<const TimedCandidate> trials, const DeviceFacts& device);

  /// Seconds expected of a candidate. Traits that would move it by more than a factor of four from what the model
  /// predicts of the device are not believed.
  double seconds(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) const;

  int trials() const { return trials_; }
  int problems() const { return problems_; }
  /// Relative deviation that the weights leave within problems, near the best: 0.05 = 5 %.
  double spread() const { return spread_; }

 private:
  std::vector<double> weights_, centre_;  ///< of the traits
  Forest forest_;
  double offset_ = 0;  ///< at the centre
  int trials_ = 0, problems_ = 0;
  double spread_ = 0;
};

/// `configs` by expected time, best first, ties in their order; from first principles where `calibration` is null.
std::vector<Ranked> rank(const Problem& problem, std::vector<KernelConfig> configs, const DeviceFacts& device,
                         const Calibration* calibration);
/// The same for all of search_space().
std::vector<Ranked> rank(const Problem& problem, const DeviceFacts& device, const Calibration* calibration);

}  // namespace fftconv
