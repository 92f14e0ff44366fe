// Candidates of chosen Monarch orders.
#pragma once

#include <string>
#include <vector>

#include "fftconv/cost_model.h"
#include "fftconv/result.h"

namespace fftconv::tools {

/// Orders p to look at; empty = all.
using Orders = std::vector<int>;

/// "2,3"; errors: invalid_argument.
Result<Orders> parse_orders(const std::string& text);
bool has_order(const KernelConfig& config, const Orders& orders);

/// rank() without other orders. Errors: unsupported, with the reasons, where nothing is left.
Result<std::vector<Ranked>> rank_of_orders(const Problem& problem, const DeviceFacts& facts, const Orders& orders);

}  // namespace fftconv::tools
