// How several threads share one work item of a CPU kernel: see templates/cpu/shares.h.
#pragma once

#include <string>

#include "cpu/pruned.h"
#include "cpu/tree.h"
#include "fftconv/kernel_source.h"

namespace fftconv::cpu {

/// Whether the items of a kernel can be shared and are long enough. Shorter ones are done before a second thread
/// wakes up; their kernels stay as short as they can be. Rows in chunks are several items instead, gradients have
/// partial sums, and rows that are gathered are groups.
/// `partitions` of the filter, as in emit_partitioned(), make them longer.
bool is_shared(const Problem& problem, const KernelConfig& config, std::int64_t partitions = 1);

/// Names and passes for KernelSource; of an item that is_shared().
KernelShares shares_of(const Problem& problem, const Tree& tree);

/// The text of both entries.
std::string share_entries(const Problem& problem, const Tree& tree, const PrunedTree& pruned,
                          const TableLayout& layout);

}  // namespace fftconv::cpu
