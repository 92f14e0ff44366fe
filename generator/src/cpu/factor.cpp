#include "cpu/factor.h"

#include <algorithm>

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
  std::vector<int> odd, fours;
  for (int radix : {7, 5, 3}) {
    for (; product % radix == 0; product /= radix) odd.push_back(radix);
  }
  for (; product % 4 == 0; product /= 4) fours.push_back(4);
  if (product > 2) return {};
  std::vector<std::vector<int>> orders;
  const auto add = [&](std::vector<int> first, const std::vector<int>& then, const std::vector<int>& last) {
    first.insert(first.end(), then.begin(), then.end());
    first.insert(first.end(), last.begin(), last.end());
    if (std::ranges::find(orders, first) == orders.end()) orders.push_back(first);
  };
  if (product == 1) {
    add(odd, fours, {});
    add(fours, odd, {});
  } else {
    add(odd, {2}, fours);
    add(odd, fours, {2});
    add(fours, {2}, odd);
    if (!fours.empty()) {
      fours.pop_back();
      add(odd, {8}, fours);
      add(odd, fours, {8});
    }
  }
  return orders;
}

}  // namespace fftconv::cpu
