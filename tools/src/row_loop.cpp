#include "row_loop.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "algorithm_count.h"

namespace fftconv::tools {
namespace {

/// A stage between two barriers, for one warp.
struct Stage {
  double products = 0;
  double outer_turns = 1;  ///< of the outer one of two nested loops
};

/// The first digits, the core, and back.
std::vector<Stage> stages_of(const KernelConfig& config) {
  const std::size_t outer_digits = config.radices.size() - 2;
  const double warps = config.warps;
  std::vector<Stage> there;
  for (std::size_t digit = 0; digit < outer_digits; ++digit) {
    // The second digit's warps go through the values of the first, where those are more than the warps.
    const double turns = digit == 1 ? std::max(1.0, config.radices[0] / warps) : 1;
    there.push_back({digit_products(config, digit) / warps, turns});
  }
  const double core = digit_products(config, outer_digits) + digit_products(config, outer_digits + 1);
  std::vector<Stage> all = there;
  all.push_back({2 * core / warps, 1});
  all.insert(all.end(), there.rbegin(), there.rend());
  return all;
}

std::int64_t products(const CubinKernel& kernel, const CubinLoop& loop) { return kernel.count("HMMA", loop); }

double length(const CubinLoop& loop) { return static_cast<double>(loop.last - loop.first + 1); }

bool holds(const CubinLoop& outer, const CubinLoop& inner) {
  return outer.first <= inner.first && inner.last <= outer.last && !(outer == inner);
}

/// The longest loop with products: that over rows.
std::optional<CubinLoop> find_row_loop(const CubinKernel& kernel) {
  std::optional<CubinLoop> found;
  for (const CubinLoop& loop : kernel.loops) {
    if (products(kernel, loop) > 0 && (!found || length(loop) > length(*found))) found = loop;
  }
  return found;
}

/// A loop inside the row loop, and the one loop inside it that has its products.
struct Nest {
  CubinLoop outer;
  std::optional<CubinLoop> inner;
};

/// Nothing where loops are nested otherwise than stages are.
std::optional<std::vector<Nest>> find_nests(const CubinKernel& kernel, const CubinLoop& row_loop) {
  std::vector<Nest> nests;
  for (const CubinLoop& loop : kernel.loops) {
    if (!holds(row_loop, loop)) continue;
    if (products(kernel, loop) == 0) return std::nullopt;
    if (nests.empty() || !holds(nests.back().outer, loop)) {
      nests.push_back({loop, std::nullopt});
      continue;
    }
    if (nests.back().inner) return std::nullopt;
    nests.back().inner = loop;
  }
  return nests;
}

/// Takes the products of straight code off the stages at `at`; false where there are not as many.
bool take(std::vector<Stage>& stages, std::size_t& at, double products) {
  while (products > 0) {
    if (at == stages.size()) return false;
    const double taken = std::min(products, stages[at].products);
    stages[at].products -= taken;
    products -= taken;
    if (stages[at].products == 0) ++at;
  }
  return true;
}

/// How often a loop with `body` products turns for `products` in all, `beside` of which stand next to it: a turn that
/// the compiler has put before the loop, where their number is odd.
std::optional<double> turns_of(std::int64_t body, double products, std::int64_t beside) {
  for (const double left : {products - static_cast<double>(beside), products}) {
    const double turns = left / static_cast<double>(body);
    if (turns >= 1 && turns == std::floor(turns)) return turns;
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> row_instructions(const CubinKernel& kernel, const KernelConfig& config) {
  if (config.strategy != Strategy::fused || config.engine == Engine::vector) return std::nullopt;
  const auto row_loop = find_row_loop(kernel);
  if (!row_loop) return std::nullopt;
  const auto nests = find_nests(kernel, *row_loop);
  if (!nests) return std::nullopt;

  std::vector<Stage> stages = stages_of(config);
  std::size_t at = 0;
  double instructions = length(*row_loop);
  std::int64_t straight_from = row_loop->first;
  const auto straight = [&](std::int64_t until) {
    return static_cast<double>(products(kernel, {straight_from, until - 1}));
  };
  for (const Nest& nest : *nests) {
    if (!take(stages, at, straight(nest.outer.first)) || at == stages.size()) return std::nullopt;
    const CubinLoop& body = nest.inner ? *nest.inner : nest.outer;
    const double outer_turns = nest.inner ? stages[at].outer_turns : 1;
    const std::int64_t inside = products(kernel, body);
    const auto turns = turns_of(inside, stages[at].products / outer_turns, products(kernel, nest.outer) - inside);
    if (!turns) return std::nullopt;
    const double around = nest.inner ? length(nest.outer) - length(body) : 0;
    const double a_turn = nest.inner ? *turns * length(body) + around : length(body);
    instructions += (nest.inner ? outer_turns : *turns) * a_turn - length(nest.outer);
    ++at;
    straight_from = nest.outer.last + 1;
  }
  if (!take(stages, at, straight(row_loop->last + 1)) || at != stages.size()) return std::nullopt;
  return instructions;
}

std::optional<double> machine_slots_per_point(const CubinKernel& kernel, const KernelConfig& config) {
  const auto instructions = row_instructions(kernel, config);
  if (!instructions) return std::nullopt;
  return *instructions * config.warps * 32 / static_cast<double>(transform_length(config));
}

}  // namespace fftconv::tools
