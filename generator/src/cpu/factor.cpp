#include "cpu/factor.h"

#include <algorithm>
#include <bit>

namespace fftconv::cpu {

std::vector<std::int64_t> smooth_numbers(std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t a = 1; a <= most; a *= 7) {
    for (std::int64_t b = a; b <= most; b *= 5) {
      for (std::int64_t c = b; c <= most; c *= 3) {
        for (std::int64_t d = c; d <= most; d *= 2) {
          if (d >= least) numbers.push_back(d);
        }
      }
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::vector<std::vector<int>> radix_orders(std::int64_t product) {
  std::vector<int> odd;
  for (int radix : {7, 5, 3}) {
    for (; product % radix == 0; product /= radix) odd.push_back(radix);
  }
  if (!std::has_single_bit(static_cast<std::uint64_t>(product))) return {};
  const int bits = std::countr_zero(static_cast<std::uint64_t>(product));

  std::vector<std::vector<int>> orders;
  const auto add = [&](std::initializer_list<const std::vector<int>*> digits) {
    std::vector<int> order;
    for (const std::vector<int>* part : digits) order.insert(order.end(), part->begin(), part->end());
    if (std::ranges::find(orders, order) == orders.end()) orders.push_back(std::move(order));
  };
  for (int count = 0; 3 * count <= bits; ++count) {
    const int rest = bits - 3 * count;
    const std::vector<int> eights(static_cast<std::size_t>(count), 8), fours(static_cast<std::size_t>(rest / 2), 4),
        twos(static_cast<std::size_t>(rest % 2), 2);
    add({&odd, &eights, &fours, &twos});
    add({&eights, &fours, &twos, &odd});
    add({&eights, &odd, &fours, &twos});
    add({&odd, &twos, &fours, &eights});
    add({&twos, &eights, &fours, &odd});
  }
  return orders;
}

std::vector<std::vector<int>> radix_orders_from(std::int64_t first, std::int64_t product) {
  std::vector<std::vector<int>> orders;
  if (product % first != 0) return orders;
  for (const std::vector<int>& outer : radix_orders(first)) {
    for (const std::vector<int>& inner : radix_orders(product / first)) {
      std::vector<int> order = outer;
      order.insert(order.end(), inner.begin(), inner.end());
      if (std::ranges::find(orders, order) == orders.end()) orders.push_back(std::move(order));
    }
  }
  return orders;
}

}  // namespace fftconv::cpu
