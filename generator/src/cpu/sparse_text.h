// The text of a kernel for a frequency-sparse filter: its constants, and what is left out.
#pragma once

#include <string>

#include "cpu/pruned.h"

namespace fftconv::cpu {

/// "Kept: blocks 0-1 of 4 of digit 1, 2048 of 4096 frequencies; 32 of 64 leaves are computed".
std::string pruned_text(const Problem& problem, const Tree& tree);

/// The constants that templates/cpu/sparse.h uses.
std::string sparse_constants(const Problem& problem, const Tree& tree);

/// "node_2", or "node_2_1" where the nodes of a level are of several kinds.
std::string node_name(const PrunedTree& pruned, std::size_t level, int kind);

/// "split<4>", or "split<4, 0b0011>" where children are dropped.
std::string pass_name(const char* pass, const NodeKind& kind);

/// ", of which 0, 1 are kept"; empty where all are.
std::string kept_text(const NodeKind& kind);

/// Number `offset` of the children of `node`, as in "8 * node + 2"; of the root's where `node` is empty.
std::string child_number(int radix, const std::string& node, int offset);

}  // namespace fftconv::cpu
