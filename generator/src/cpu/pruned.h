// What a frequency-sparse filter leaves of a tree: nodes all of whose frequencies are dropped are not computed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/tree.h"
#include "fftconv/problem.h"

namespace fftconv::cpu {

constexpr int kDropped = -1;

/// Nodes of a level below which the same is kept.
struct NodeKind {
  std::vector<int> children;  ///< of each child: its kind, an index into the next level's, or kDropped
  std::int64_t nodes = 0;     ///< of this kind
  bool operator==(const NodeKind&) const = default;
};

/// Kinds by level as in Tree::levels; children of the last one are leaves, whose only kind is 0.
struct PrunedTree {
  std::vector<std::vector<NodeKind>> levels;
  std::int64_t leaves = 0;          ///< that have a frequency that is kept
  bool has_partial_leaves = false;  ///< some of these have dropped ones too
};

/// Of a problem that drops nothing: one kind a level, all children kept.
PrunedTree pruned_tree(const Problem& problem, const Tree& tree);

/// The kind of each node of a level by its number, or kDropped.
std::vector<int> node_kinds(const PrunedTree& pruned, std::size_t level);

/// How many children are kept, and which as bits: child 0 the lowest.
int kept_children(const NodeKind& kind);
unsigned children_mask(const NodeKind& kind);
/// Neighbouring children of one kind, `count` from `first` on.
struct ChildRun {
  int first = 0;
  int count = 0;
  int kind = 0;
};
std::vector<ChildRun> child_runs(const NodeKind& kind);

/// "0, 1, 4, 5": the children that are kept.
std::string children_text(const NodeKind& kind);

}  // namespace fftconv::cpu
