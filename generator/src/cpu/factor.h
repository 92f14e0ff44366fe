// Products of supported radices, and the orders in which they can be passes.
#pragma once

#include <cstdint>
#include <vector>

namespace fftconv::cpu {

/// Products of 2, 3, 5 and 7 from `least` to `most`, ascending.
std::vector<std::int64_t> smooth_numbers(std::int64_t least, std::int64_t most);

/// `product` as outer radices: every number of eights, the rest in fours and at most one 2, in a few orders (the odd
/// digits first, last or after the eights; the widest first or last). The plain way, fours alone, comes first. One
/// empty list where product = 1; none where it is not a product of 2, 3, 5 and 7.
std::vector<std::vector<int>> radix_orders(std::int64_t product);

/// The same where the first of the radices have the product `first`, in the orders of radix_orders(); one empty list
/// where both products are 1, none where `first` does not divide `product`.
std::vector<std::vector<int>> radix_orders_from(std::int64_t first, std::int64_t product);

}  // namespace fftconv::cpu
