#include "cpu/tree.h"

namespace fftconv::cpu {

bool is_radix(int radix) { return radix == 2 || radix == 3 || radix == 4 || radix == 5 || radix == 7 || radix == 8; }

Tree tree_of(const KernelConfig& config) {
  Tree tree;
  tree.lanes = config.lanes;
  tree.rows = config.rows;
  tree.columns = config.lanes / config.rows;
  tree.length = transform_length(config);
  tree.root_angle = config.paired ? 0.0 : 0.25;
  std::int64_t length = tree.length, nodes = 1;
  for (std::size_t i = 0; i + 1 < config.radices.size(); ++i) {
    tree.levels.push_back({config.radices[i], length, nodes});
    length /= config.radices[i];
    nodes *= config.radices[i];
  }
  if (tree.levels.empty()) tree.levels.push_back({1, length, nodes});
  tree.leaf_radix = config.radices.back() / tree.columns;
  tree.leaves = nodes;
  for (int width = tree.columns; width > 1; width /= tree.lane_radices.back()) {
    tree.lane_radices.push_back(width % 4 == 0 ? 4 : 2);
  }
  return tree;
}

TableLayout table_layout(const Tree& tree, bool computed_twiddles) {
  TableLayout layout;
  for (const Level& level : tree.levels) {
    layout.levels.push_back(layout.total);
    if (&level != &tree.levels.front()) layout.total += level.nodes * (level.radix - 1) * 2;
  }
  layout.leaf_scalars = layout.total;
  layout.leaf_scalars_each = 2 * (tree.leaf_radix - 1);
  std::int64_t vectors = 0;
  for (int radix : tree.lane_radices) {
    if (computed_twiddles) layout.leaf_scalars_each += 2 * (radix - 1);
    vectors += std::int64_t{tree.leaf_radix} / radix * (radix - 1) * 2 * tree.columns;
  }
  layout.total += tree.leaves * layout.leaf_scalars_each;
  layout.total = (layout.total + 15) / 16 * 16;  // vectors start on a cache line
  layout.leaf_vectors = layout.total;
  layout.leaf_vectors_each = computed_twiddles ? 0 : vectors;
  layout.total += computed_twiddles ? vectors : tree.leaves * vectors;
  return layout;
}

}  // namespace fftconv::cpu
