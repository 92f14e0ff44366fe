// The text of a kernel for the filter's gradient that depends on the tree: nodes and the entry.
#pragma once

#include <string>

#include "cpu/tree.h"

namespace fftconv::cpu {

/// Node functions for the three passes of templates/cpu/gradient.h, and the entry that sums over a filter's rows.
std::string gradient_text(const Tree& tree, const TableLayout& layout);

/// Scratch of a worker: the three planes of templates/cpu/gradient.h, of numbers of so many bytes.
std::int64_t gradient_scratch_bytes(const Tree& tree, std::int64_t number);

}  // namespace fftconv::cpu
