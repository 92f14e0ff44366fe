// How several threads share one work item of a CPU kernel: see templates/cpu/shares.h.
#pragma once

#include <string>

#include "cpu/tree.h"
#include "fftconv/kernel_source.h"

namespace fftconv::cpu {

/// Whether the items of a kernel can be shared and are long enough. Shorter ones are done before a second thread
/// wakes up; their kernels stay as short as they can be. What carries from sample to sample goes in order: chunks and
/// blocks of streams are not shared, of gradients each filter is one item, and rows that are gathered are groups.
bool is_shared(const Problem& problem, const KernelConfig& config);

/// Names and passes for KernelSource; of an item that is_shared().
KernelShares shares_of(const Problem& problem, const Tree& tree);

/// The text of both entries.
std::string share_entries(const Tree& tree, const TableLayout& layout);

}  // namespace fftconv::cpu
