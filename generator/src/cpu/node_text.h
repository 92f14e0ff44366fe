// The text of the tree below the root: a function for each kind of node, and what calls the root's children.
#pragma once

#include <string>

#include "cpu/pruned.h"
#include "cpu/tree.h"

namespace fftconv::cpu {

/// What a walk through the tree does in a node, in the words of its templates.
struct Walk {
  const char* parameter;   ///< of each node's template, such as "bool forward_only"
  const char* argument;    ///< the same handed on: "forward_only"
  const char* parameters;  ///< of each node's function, of which z, tables and node are used here
  const char* arguments;   ///< the same for a child behind z: {} is its number
  const char* leaves;  ///< neighbouring leaves: {0} the template's argument, {1} how many, {2} z, {3} the first one
  const char* splits;  ///< what stands before the pass down
  const char* joins;   ///< and before the pass up
};

/// There and back with the product between, of templates/cpu/leaf.h; there alone for the filter.
extern const Walk kConvolution;

class WalkText {
 public:
  WalkText(const Tree& tree, const PrunedTree& pruned, const Walk& walk)
      : tree_(tree), pruned_(pruned), walk_(walk) {}

  /// Inner levels, deepest first so that each function is there when it is called.
  std::string functions(const TableLayout& layout) const;

  /// "The root's children": loops over nodes, or runs of leaves, in the memory `z`. Lines but the first begin with
  /// `indent`. Between children that are nodes there are `gap` blocks: root_gap().
  std::string root(const std::string& argument, const std::string& indent, const std::string& z = "z",
                   std::int64_t gap = 0) const;

 private:
  /// Where the children of a node are spoken of.
  struct Place {
    std::string argument, node, z, indent;  ///< `node` is empty for the root
    std::int64_t gap = 0;
  };
  std::string children(std::size_t level, const NodeKind& kind, const Place& place) const;
  std::string leaves(const Level& level, const ChildRun& run, const Place& place) const;
  std::string nodes(std::size_t level, const ChildRun& run, const Place& place) const;

  const Tree& tree_;
  const PrunedTree& pruned_;
  const Walk& walk_;
};

}  // namespace fftconv::cpu
