#include <cmath>
#include <complex>
#include <numbers>

#include "cpu/tree.h"

namespace fftconv::cpu {
namespace {

std::complex<double> unit(double turns) { return std::polar(1.0, 2 * std::numbers::pi * turns); }

void push(std::vector<double>& table, std::complex<double> w) {
  table.push_back(w.real());
  table.push_back(w.imag());
}

/// One step along the lanes of a leaf with theta = 0: twiddles [group][j - 1][lane].
struct LaneStep {
  int radix = 0;
  std::int64_t divisor = 0;  ///< product of the leaf's radices up to this one: theta adds theta / divisor turns
  std::vector<std::vector<std::complex<double>>> vectors;
};

/// The steps of a leaf, and the angle of each (vector, lane) after the last.
struct LeafWalk {
  std::vector<LaneStep> steps;
  std::vector<std::vector<double>> angle;
};

/// Follows the angle of each (vector, lane) through the transpositions of templates/cpu/leaf.h.
LeafWalk walk_leaf(const Tree& tree) {
  const int columns = tree.columns;
  std::vector<std::vector<double>> angle(tree.leaf_radix, std::vector<double>(columns));
  for (int k = 0; k < tree.leaf_radix; ++k) angle[k].assign(columns, static_cast<double>(k) / tree.leaf_radix);
  LeafWalk walk;
  std::int64_t divisor = tree.leaf_radix;
  int width = columns;
  for (int radix : tree.lane_radices) {
    const int unit_lanes = width / radix;
    divisor *= radix;
    LaneStep step{radix, divisor, {}};
    for (int group = 0; group < tree.leaf_radix; group += radix) {
      std::vector<double> theta(columns);  // after the transposition: the same in all vectors of the group
      for (int lane = 0; lane < columns; ++lane) theta[lane] = angle[group + lane / unit_lanes % radix][lane];
      for (int j = 1; j < radix; ++j) {
        std::vector<std::complex<double>> w;
        for (int lane = 0; lane < columns; ++lane) w.push_back(unit(j * theta[lane] / radix));
        step.vectors.push_back(std::move(w));
      }
      for (int k = 0; k < radix; ++k) {
        for (int lane = 0; lane < columns; ++lane) angle[group + k][lane] = (theta[lane] + k) / radix;
      }
    }
    walk.steps.push_back(std::move(step));
    width = unit_lanes;
  }
  walk.angle = std::move(angle);
  return walk;
}

void push_lanes(std::vector<double>& table, const std::vector<std::complex<double>>& w, std::complex<double> scale) {
  for (const auto& value : w) table.push_back((value * scale).real());
  for (const auto& value : w) table.push_back((value * scale).imag());
}

}  // namespace

std::vector<double> twiddles(double theta, int radix) {
  std::vector<double> table;
  for (int j = 1; j < radix; ++j) push(table, unit(j * theta / radix));
  return table;
}

std::vector<std::int64_t> leaf_frequencies(const Tree& tree) {
  std::vector<std::int64_t> frequencies;
  for (const std::vector<double>& vector : walk_leaf(tree).angle) {
    for (double angle : vector) frequencies.push_back(std::llround(angle * tree.leaf_radix * tree.columns));
  }
  return frequencies;
}

std::vector<double> make_tables(const Tree& tree, bool computed_twiddles) {
  const TableLayout layout = table_layout(tree, computed_twiddles);
  std::vector<double> table;
  table.reserve(layout.total);
  std::vector<double> angles{tree.root_angle};
  for (const Level& level : tree.levels) {
    std::vector<double> children;
    children.reserve(angles.size() * level.radix);
    for (double theta : angles) {
      if (&level != &tree.levels.front()) {
        for (int j = 1; j < level.radix; ++j) push(table, unit(j * theta / level.radix));
      }
      for (int k = 0; k < level.radix; ++k) children.push_back((theta + k) / level.radix);
    }
    angles = std::move(children);
  }
  const std::vector<LaneStep> steps = walk_leaf(tree).steps;
  for (double theta : angles) {
    for (int j = 1; j < tree.leaf_radix; ++j) push(table, unit(j * theta / tree.leaf_radix));
    if (!computed_twiddles) continue;
    for (const LaneStep& step : steps) {
      for (int j = 1; j < step.radix; ++j) push(table, unit(j * theta / static_cast<double>(step.divisor)));
    }
  }
  table.resize(static_cast<std::size_t>(layout.leaf_vectors), 0.0);
  if (computed_twiddles) angles.assign(1, 0.0);
  for (double theta : angles) {
    for (const LaneStep& step : steps) {
      std::vector<std::complex<double>> scale;
      for (int j = 1; j < step.radix; ++j) scale.push_back(unit(j * theta / static_cast<double>(step.divisor)));
      for (std::size_t v = 0; v < step.vectors.size(); ++v) {
        push_lanes(table, step.vectors[v], scale[v % (step.radix - 1)]);
      }
    }
  }
  return table;
}

}  // namespace fftconv::cpu
