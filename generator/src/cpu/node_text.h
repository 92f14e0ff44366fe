// The text of a convolution's tree below the root.
#pragma once

#include <string>

#include "cpu/pruned.h"
#include "cpu/tree.h"

namespace fftconv::cpu {

/// "The children of one node": loops over nodes of the next level, or runs of leaves. `node` is empty for the root's.
/// Lines but the first begin with `indent`. Between children that are nodes there are `gap` blocks: root_gap().
std::string descend(const Tree& tree, const PrunedTree& pruned, std::size_t level, const NodeKind& kind,
                    const std::string& forward_only, const std::string& node, const std::string& indent,
                    std::int64_t gap = 0);

/// Inner levels, deepest first so that each function is there when it is called.
std::string node_functions(const Tree& tree, const PrunedTree& pruned, const TableLayout& layout);

}  // namespace fftconv::cpu
