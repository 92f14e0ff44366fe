// The tree of rings that a CPU kernel walks: node (m, theta) is "mod z^m - exp(2 pi i theta)", its children have
// m / R and (theta + k) / R. See templates/cpu/node.h and leaf.h for the arithmetic.
#pragma once

#include <cstdint>
#include <vector>

#include "fftconv/kernel_config.h"

namespace fftconv::cpu {

/// All nodes at one distance from the root.
struct Level {
  int radix = 1;
  std::int64_t length = 0;  ///< m of each node, complex points
  std::int64_t nodes = 0;
};

struct Tree {
  int lanes = 0;    ///< elements of a vector
  int rows = 0;     ///< rows side by side in a vector
  int columns = 0;  ///< samples of one row in a vector: lanes / rows
  std::int64_t length = 0;
  double root_angle = 0;      ///< theta of the root: 1/4 for the right angle, 0 for cyclic
  std::vector<Level> levels;  ///< root first; a root of radix 1 where the leaf is the whole transform
  int leaf_radix = 0;         ///< vectors of a leaf
  std::int64_t leaves = 0;
  std::vector<int> lane_radices;  ///< of a leaf, along the lanes of one row
};

/// Radices that a pass or a leaf's vectors may have.
bool is_radix(int radix);

/// The tree of a legal config.
Tree tree_of(const KernelConfig& config);

/// Where each table starts in KernelSource::tables, in numbers of the arithmetic's type.
struct TableLayout {
  std::vector<std::int64_t> levels;  ///< by level; the root's twiddles are in the text
  std::int64_t leaf_scalars = 0;
  std::int64_t leaf_scalars_each = 0;  ///< of one leaf
  std::int64_t leaf_vectors = 0;
  std::int64_t leaf_vectors_each = 0;  ///< of one leaf; 0 where one table serves all leaves
  std::int64_t total = 0;
};
TableLayout table_layout(const Tree& tree, bool computed_twiddles);

/// exp(2 pi i j theta / radix) for j = 1 .. radix - 1, as pairs (re, im).
std::vector<double> twiddles(double theta, int radix);

/// What each (vector, lane) of one row in a leaf adds to the frequency of the leaf's node, over the number of leaves.
std::vector<std::int64_t> leaf_frequencies(const Tree& tree);

/// All tables in the order of table_layout().
std::vector<double> make_tables(const Tree& tree, bool computed_twiddles);

}  // namespace fftconv::cpu
