#include "order_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "fftconv/search_space.h"
#include "sizes.h"

namespace fftconv::tools {

Result<Orders> parse_orders(const std::string& text) {
  if (text.empty()) return Orders{};
  const auto sizes = parse_sizes(text, "order");
  if (!sizes) return sizes.error();
  Orders orders;
  for (const std::int64_t size : *sizes) {
    if (size < 1 || size > 16) return invalid(fmt::format("order {} is out of range; give 2, 3 or 4", size));
    orders.push_back(static_cast<int>(size));
  }
  return orders;
}

bool has_order(const KernelConfig& config, const Orders& orders) {
  const int order = static_cast<int>(config.radices.size());
  return orders.empty() || std::find(orders.begin(), orders.end(), order) != orders.end();
}

Result<std::vector<Ranked>> rank_of_orders(const Problem& problem, const DeviceFacts& facts, const Orders& orders) {
  std::vector<Ranked> ranked = rank(problem, facts);
  const std::size_t all = ranked.size();
  std::erase_if(ranked, [&](const Ranked& candidate) { return !has_order(candidate.config, orders); });
  if (!ranked.empty()) return ranked;
  if (all > 0) {
    return unsupported(fmt::format("none of the {} candidates for {} has order {}; leave out --order", all,
                                   to_string(problem), fmt::join(orders, ", ")));
  }
  std::string reasons;
  for (const auto& refusal : search_space(problem, facts).refused) {
    reasons += fmt::format("{}{} ({})", reasons.empty() ? "" : "; ", refusal.reason, refusal.count);
  }
  return unsupported(fmt::format("no kernel computes {} on {}: {}", to_string(problem), facts.arch,
                                 reasons.empty() ? "the search space is empty" : reasons));
}

}  // namespace fftconv::tools
