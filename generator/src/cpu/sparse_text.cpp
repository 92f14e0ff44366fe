#include "cpu/sparse_text.h"

#include <fmt/format.h>

#include "fftconv/sparsity.h"

namespace fftconv::cpu {

std::string pruned_text(const Problem& problem, const Tree& tree) {
  return fmt::format("Kept: {}, {} of {} frequencies; {} of {} leaves are computed", sparsity_text(problem),
                     kept_frequencies(problem), tree.length, pruned_tree(problem, tree).leaves, tree.leaves);
}

std::string sparse_constants(const Problem& problem, const Tree& tree) {
  std::vector<std::string> digits;
  for (const FrequencyDigit& digit : frequency_digits(problem)) {
    digits.push_back(fmt::format("{{{}, {:#x}}}", digit.size, digit.kept));
  }
  std::vector<int> radices;
  for (const Level& level : tree.levels) radices.push_back(level.radix);
  return fmt::format(
      "\n// {}.\n"
      "struct Digit {{\n"
      "  index size;          // values\n"
      "  unsigned long kept;  // bit i keeps values 16 i to 16 i + 15\n"
      "}};\n"
      "constexpr Digit digits[] = {{{}}};  // of a frequency, of which the first counts least\n"
      "constexpr int tree_levels = {}, tree_radix[] = {{{}}};  // above the leaves, the root's first\n"
      "constexpr index leaf_count = {};\n"
      "// Of a leaf's vectors and their lanes, times leaf_count.\n"
      "constexpr index leaf_frequency[leaf_radix * columns] = {{{}}};\n",
      pruned_text(problem, tree), fmt::join(digits, ", "), radices.size(), fmt::join(radices, ", "), tree.leaves,
      fmt::join(leaf_frequencies(tree), ", "));
}

std::string node_name(const PrunedTree& pruned, std::size_t level, int kind) {
  return pruned.levels[level].size() == 1 ? fmt::format("node_{}", level) : fmt::format("node_{}_{}", level, kind);
}

std::string pass_name(const char* pass, const NodeKind& kind) {
  const std::size_t radix = kind.children.size();
  if (static_cast<std::size_t>(kept_children(kind)) == radix) return fmt::format("{}<{}>", pass, radix);
  return fmt::format("{}<{}, 0b{:0{}b}>", pass, radix, children_mask(kind), radix);
}

std::string kept_text(const NodeKind& kind) {
  const int kept = kept_children(kind);
  if (static_cast<std::size_t>(kept) == kind.children.size()) return "";
  return fmt::format(", of which only {} {} kept", children_text(kind), kept == 1 ? "is" : "are");
}

std::string child_number(int radix, const std::string& node, int offset) {
  if (node.empty()) return fmt::format("{}", offset);
  return offset == 0 ? fmt::format("{} * {}", radix, node) : fmt::format("{} * {} + {}", radix, node, offset);
}

}  // namespace fftconv::cpu
