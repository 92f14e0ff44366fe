// Forest: regression by extremely randomised trees, for what a linear law does not express.
#pragma once

#include <span>
#include <vector>

namespace fftconv {

struct ForestOptions {
  int trees = 24;
  double least_of_leaf = 3;        ///< rows of a leaf, at least
  double share_of_features = 0.4;  ///< looked at in each node
};

/// The mean of trees whose nodes try one random threshold for each of some random features and keep the one that
/// leaves the least weighted variance (Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees"). The same rows
/// give the same forest on every machine.
class Forest {
 public:
  Forest() = default;
  /// `rows` of features, all of one length and finite; a target and a positive weight for each. No rows, or none with
  /// features: a forest that predicts 0.
  static Forest fit(const std::vector<std::vector<double>>& rows, std::span<const double> targets,
                    std::span<const double> weights, const ForestOptions& options = {});
  double predict(std::span<const double> features) const;

 private:
  struct Node {
    int feature = -1;  ///< -1: a leaf
    double threshold = 0;
    int below = 0, above = 0;  ///< nodes for features at most, and greater than, the threshold
    double value = 0;          ///< of a leaf
  };
  class Grower;
  std::vector<std::vector<Node>> trees_;
};

}  // namespace fftconv
