// The text of a kernel for the filter's gradient that depends on the tree: nodes and the entries.
#pragma once

#include <string>

#include "cpu/pruned.h"
#include "cpu/row_places.h"
#include "cpu/tree.h"
#include "fftconv/kernel_source.h"

namespace fftconv::cpu {

/// Constants that templates/cpu/gradient.h reads.
std::string gradient_constants(const Tree& tree);

/// Node functions for the three passes of templates/cpu/gradient.h, and the entries that sum over a filter's rows.
std::string gradient_text(const Tree& tree, const PrunedTree& pruned, const TableLayout& layout, RowPlaces places);

/// Numbers in the scratch of a worker, or of a filter that several share: three planes for each partial sum. Rows
/// that are gathered have one, and what else they need is not counted here.
std::int64_t gradient_scratch(const Problem& problem, const KernelConfig& config, const Tree& tree);

/// How threads share a filter's partial sums, where it has several.
KernelShares gradient_shares(const Problem& problem, const KernelConfig& config, const Tree& tree);

}  // namespace fftconv::cpu
