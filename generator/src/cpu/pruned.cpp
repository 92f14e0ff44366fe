#include "cpu/pruned.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "fftconv/sparsity.h"

namespace fftconv::cpu {
namespace {

/// The low bits of a frequency, as far as what is kept above them depends on them: those of the digit that they end
/// in. Nodes at one distance from the root know the same number of bits.
struct Prefix {
  std::size_t digit = 0;
  int bits = 0;            ///< of that digit that are known
  std::int64_t value = 0;  ///< of these
  bool operator==(const Prefix&) const = default;
};

constexpr int kBlockBits = std::countr_zero(static_cast<std::uint64_t>(kSparsityBlock));

int bits_of(const FrequencyDigit& digit) { return std::countr_zero(static_cast<std::uint64_t>(digit.size)); }

/// Whether a value of the digit that ends in `value` is kept.
bool has_kept(const FrequencyDigit& digit, int bits, std::int64_t value) {
  const int known = std::max(0, bits - kBlockBits);  // of the number of the block
  for (std::int64_t block = value >> kBlockBits; block < blocks_of(digit); block += std::int64_t{1} << known) {
    if ((digit.kept >> block & 1) != 0) return true;
  }
  return false;
}

/// One more bit of the frequency; nothing where all frequencies with these bits are dropped.
std::optional<Prefix> extended(const std::vector<FrequencyDigit>& digits, Prefix prefix, std::int64_t bit) {
  const FrequencyDigit& digit = digits[prefix.digit];
  prefix.value += bit << prefix.bits;
  ++prefix.bits;
  if (!has_kept(digit, prefix.bits, prefix.value)) return std::nullopt;
  // Values of a block are kept together.
  if (prefix.bits <= kBlockBits) prefix.value = 0;
  if (prefix.bits == bits_of(digit)) return Prefix{prefix.digit + 1, 0, 0};
  return prefix;
}

class Pruning {
 public:
  Pruning(const Problem& problem, const Tree& tree) : tree_(tree), digits_(frequency_digits(problem)) {
    pruned_.levels.resize(tree.levels.size());
    kinds_.resize(tree.levels.size());
  }
  PrunedTree result() {
    kind_of(0, {});
    pruned_.levels[0][0].nodes = 1;
    for (std::size_t level = 0; level < pruned_.levels.size(); ++level) {
      for (const NodeKind& kind : pruned_.levels[level]) {
        for (int child : kind.children) {
          if (child == kDropped) continue;
          (level + 1 == pruned_.levels.size() ? pruned_.leaves : pruned_.levels[level + 1][child].nodes) +=
              kind.nodes;
        }
      }
    }
    return std::move(pruned_);
  }

 private:
  int kind_of(std::size_t level, const Prefix& prefix) {
    if (level == tree_.levels.size()) return look_into_leaf(prefix);
    const std::pair key{prefix.digit, prefix.value};
    if (const auto found = kinds_[level].find(key); found != kinds_[level].end()) return found->second;
    NodeKind kind;
    const int radix = tree_.levels[level].radix;
    for (int child = 0; child < radix; ++child) {
      std::optional<Prefix> longer = prefix;
      for (int bit = 1; bit < radix && longer; bit *= 2) longer = extended(digits_, *longer, (child & bit) != 0);
      kind.children.push_back(longer ? kind_of(level + 1, *longer) : kDropped);
    }
    std::vector<NodeKind>& known = pruned_.levels[level];
    const auto same = std::ranges::find(known, kind);
    const int number = static_cast<int>(same - known.begin());
    if (same == known.end()) known.push_back(std::move(kind));
    kinds_[level][key] = number;
    return number;
  }
  int look_into_leaf(const Prefix& prefix) {
    for (std::size_t d = prefix.digit; d < digits_.size(); ++d) {
      const bool begun = d == prefix.digit;
      const std::int64_t first = begun ? prefix.value >> kBlockBits : 0;
      const int known = begun ? std::max(0, prefix.bits - kBlockBits) : 0;
      for (std::int64_t block = first; block < blocks_of(digits_[d]); block += std::int64_t{1} << known) {
        if ((digits_[d].kept >> block & 1) == 0) pruned_.has_partial_leaves = true;
      }
    }
    return 0;
  }

  const Tree& tree_;
  std::vector<FrequencyDigit> digits_;
  PrunedTree pruned_;
  std::vector<std::map<std::pair<std::size_t, std::int64_t>, int>> kinds_;  ///< by level
};

PrunedTree whole_tree(const Tree& tree) {
  PrunedTree whole;
  for (const Level& level : tree.levels) {
    whole.levels.push_back({{std::vector<int>(static_cast<std::size_t>(level.radix), 0), level.nodes}});
  }
  whole.leaves = tree.leaves;
  return whole;
}

}  // namespace

PrunedTree pruned_tree(const Problem& problem, const Tree& tree) {
  return is_sparse(problem) ? Pruning(problem, tree).result() : whole_tree(tree);
}

std::vector<int> node_kinds(const PrunedTree& pruned, std::size_t level) {
  std::vector<int> kinds{0};
  for (std::size_t above = 0; above < level; ++above) {
    std::vector<int> next;
    for (int kind : kinds) {
      const std::size_t radix = pruned.levels[above].front().children.size();
      if (kind == kDropped) {
        next.insert(next.end(), radix, kDropped);
      } else {
        const std::vector<int>& children = pruned.levels[above][static_cast<std::size_t>(kind)].children;
        next.insert(next.end(), children.begin(), children.end());
      }
    }
    kinds = std::move(next);
  }
  return kinds;
}

int kept_children(const NodeKind& kind) { return std::popcount(children_mask(kind)); }

unsigned children_mask(const NodeKind& kind) {
  unsigned mask = 0;
  for (std::size_t child = 0; child < kind.children.size(); ++child) {
    if (kind.children[child] != kDropped) mask |= 1u << child;
  }
  return mask;
}

std::vector<ChildRun> child_runs(const NodeKind& kind) {
  std::vector<ChildRun> runs;
  for (int child = 0; child < static_cast<int>(kind.children.size()); ++child) {
    const int number = kind.children[static_cast<std::size_t>(child)];
    if (number == kDropped) continue;
    if (!runs.empty() && runs.back().first + runs.back().count == child && runs.back().kind == number) {
      ++runs.back().count;
    } else {
      runs.push_back({child, 1, number});
    }
  }
  return runs;
}

std::string children_text(const NodeKind& kind) {
  std::vector<int> kept;
  for (const ChildRun& run : child_runs(kind)) {
    for (int child = run.first; child < run.first + run.count; ++child) kept.push_back(child);
  }
  return fmt::format("{}", fmt::join(kept, ", "));
}

}  // namespace fftconv::cpu
