#include "fftconv/forest.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <utility>

namespace fftconv {

/// Grows one tree after another.
class Forest::Grower {
 public:
  Grower(const std::vector<std::vector<double>>& rows, std::span<const double> targets,
         std::span<const double> weights, const ForestOptions& options)
      : rows_(rows), targets_(targets), weights_(weights), options_(options), features_(rows.front().size()) {
    std::iota(features_.begin(), features_.end(), std::size_t{0});
    tried_ = std::clamp<std::size_t>(
        static_cast<std::size_t>(options.share_of_features * static_cast<double>(features_.size())), 1,
        features_.size());
  }

  std::vector<Node> grow() {
    std::vector<Node> tree(1);
    std::vector<std::size_t> members(rows_.size());
    std::iota(members.begin(), members.end(), std::size_t{0});
    struct Open {
      int node;
      std::size_t begin, end;
    };
    std::vector<Open> open{{0, 0, members.size()}};
    while (!open.empty()) {
      const Open at = open.back();
      open.pop_back();
      const std::span<std::size_t> here(members.data() + at.begin, at.end - at.begin);
      const std::optional<Split> split = best_split(here);
      if (!split) {
        tree[static_cast<std::size_t>(at.node)].value = mean(here);
        continue;
      }
      const auto middle = std::partition(
          here.begin(), here.end(), [&](std::size_t row) { return rows_[row][split->feature] <= split->threshold; });
      const std::size_t cut = at.begin + static_cast<std::size_t>(middle - here.begin());
      const int below = static_cast<int>(tree.size());
      tree.resize(tree.size() + 2);
      tree[static_cast<std::size_t>(at.node)] = {.feature = static_cast<int>(split->feature),
                                                 .threshold = split->threshold,
                                                 .below = below,
                                                 .above = below + 1};
      open.push_back({below, at.begin, cut});
      open.push_back({below + 1, cut, at.end});
    }
    return tree;
  }

 private:
  struct Split {
    std::size_t feature = 0;
    double threshold = 0;
  };
  struct Sums {
    double count = 0, weight = 0, total = 0;
    void add(double weight_of_row, double target) {
      count += 1, weight += weight_of_row, total += weight_of_row * target;
    }
    double explained() const { return total * total / weight; }
  };

  // Between 0 and 1, from the generator's own bits: std's distributions differ from library to library.
  double random() { return static_cast<double>(generator_() >> 11) * 0x1p-53; }

  std::optional<Split> best_split(std::span<const std::size_t> members) {
    if (static_cast<double>(members.size()) < 2 * options_.least_of_leaf) return std::nullopt;
    std::optional<Split> best;
    double most = -std::numeric_limits<double>::infinity();
    std::size_t looked_at = 0;
    for (std::size_t i = 0; i < features_.size() && looked_at < tried_; ++i) {
      std::swap(features_[i],
                features_[i + static_cast<std::size_t>(random() * static_cast<double>(features_.size() - i))]);
      const std::size_t feature = features_[i];
      double low = rows_[members.front()][feature], high = low;
      for (const std::size_t row : members) {
        low = std::min(low, rows_[row][feature]);
        high = std::max(high, rows_[row][feature]);
      }
      if (!(low < high)) continue;  // says nothing here
      ++looked_at;
      const double threshold = low + random() * (high - low);
      Sums below, above;
      for (const std::size_t row : members) {
        (rows_[row][feature] <= threshold ? below : above).add(weights_[row], targets_[row]);
      }
      if (below.count < options_.least_of_leaf || above.count < options_.least_of_leaf) continue;
      const double explained = below.explained() + above.explained();
      if (explained > most) most = explained, best = {feature, threshold};
    }
    return best;
  }

  double mean(std::span<const std::size_t> members) const {
    Sums sums;
    for (const std::size_t row : members) sums.add(weights_[row], targets_[row]);
    return sums.total / sums.weight;
  }

  const std::vector<std::vector<double>>& rows_;
  std::span<const double> targets_, weights_;
  const ForestOptions& options_;
  std::vector<std::size_t> features_;  ///< in the order of the last draw
  std::size_t tried_ = 1;
  std::mt19937_64 generator_{1};
};

Forest Forest::fit(const std::vector<std::vector<double>>& rows, std::span<const double> targets,
                   std::span<const double> weights, const ForestOptions& options) {
  Forest forest;
  if (rows.empty() || rows.front().empty()) return forest;
  Grower grower(rows, targets, weights, options);
  for (int i = 0; i < options.trees; ++i) forest.trees_.push_back(grower.grow());
  return forest;
}

double Forest::predict(std::span<const double> features) const {
  double sum = 0;
  for (const std::vector<Node>& tree : trees_) {
    std::size_t at = 0;
    while (tree[at].feature >= 0) {
      const Node& node = tree[at];
      at = static_cast<std::size_t>(features[static_cast<std::size_t>(node.feature)] <= node.threshold ? node.below
                                                                                                       : node.above);
    }
    sum += tree[at].value;
  }
  return trees_.empty() ? 0 : sum / static_cast<double>(trees_.size());
}

}  // namespace fftconv
