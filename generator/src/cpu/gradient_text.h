// The text of a kernel for the filter's gradient that depends on the tree: nodes and the entry.
#pragma once

#include <string>

#include "cpu/row_places.h"
#include "cpu/tree.h"

namespace fftconv::cpu {

/// Node functions for the three passes of templates/cpu/gradient.h, and the entry that sums over a filter's rows.
std::string gradient_text(const Tree& tree, const TableLayout& layout, RowPlaces places);

/// Numbers in the scratch of a worker: the three planes of templates/cpu/gradient.h.
std::int64_t gradient_scratch(const Tree& tree);

}  // namespace fftconv::cpu
