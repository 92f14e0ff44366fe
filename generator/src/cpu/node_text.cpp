#include "cpu/node_text.h"

#include <fmt/format.h>

#include "cpu/sparse_text.h"

namespace fftconv::cpu {
namespace {

/// Neighbouring children that are leaves.
std::string leaves_text(const Level& level, const ChildRun& run, const std::string& forward_only,
                        const std::string& node) {
  const std::string z = run.first == 0 ? "z" : fmt::format("z + {} * leaf_floats", run.first);
  return fmt::format("leaf_run<{}, {}>({}, spectrum, tables + leaf_scalars, tables + leaf_vectors, {}, ahead);\n",
                     forward_only, run.count, z, child_number(level.radix, node, run.first));
}

/// Neighbouring children that are nodes.
std::string nodes_text(const Level& level, const ChildRun& run, const std::string& call, std::int64_t child,
                       const std::string& node) {
  if (run.count == 1) {
    return fmt::format("{}(z + {} * block, spectrum, tables, {}, ahead);\n", call, run.first * child,
                       child_number(level.radix, node, run.first));
  }
  return fmt::format("for (index k = {0}; k < {1}; ++k) {2}(z + k * {3} * block, spectrum, tables, {4}k, ahead);\n",
                     run.first, run.first + run.count, call, child,
                     node.empty() ? "" : fmt::format("{} * {} + ", level.radix, node));
}

}  // namespace

std::string descend(const Tree& tree, const PrunedTree& pruned, std::size_t level, const NodeKind& kind,
                    const std::string& forward_only, const std::string& node, const std::string& indent,
                    std::int64_t gap) {
  std::string text;
  for (const ChildRun& run : child_runs(kind)) {
    if (!text.empty()) text += indent;
    if (level + 1 == tree.levels.size()) {
      text += leaves_text(tree.levels[level], run, forward_only, node);
      continue;
    }
    const std::string call = fmt::format("{}<{}>", node_name(pruned, level + 1, run.kind), forward_only);
    text += nodes_text(tree.levels[level], run, call, tree.levels[level + 1].length / tree.columns + gap, node);
  }
  return text;
}

std::string node_functions(const Tree& tree, const PrunedTree& pruned, const TableLayout& layout) {
  std::string text;
  for (std::size_t i = tree.levels.size() - 1; i > 0; --i) {
    const Level& level = tree.levels[i];
    const std::int64_t stride = level.length / level.radix / tree.columns;
    for (std::size_t number = 0; number < pruned.levels[i].size(); ++number) {
      const NodeKind& kind = pruned.levels[i][number];
      text += fmt::format(
          "\n// {0} node{1} mod z^{2} - exp(2 pi i theta), each with {3} children{9}.\n"
          "template <bool forward_only>\n"
          "static void {4}(real* z, real* spectrum, const real* tables, index node, const Ahead& ahead) {{\n"
          "  const real* w = tables + {5} + {6} * node;\n"
          "  {10}(z, {7}, {7}, w);\n"
          "  {8}"
          "  if constexpr (!forward_only) {11}(z, {7}, {7}, w);\n}}\n",
          kind.nodes, kind.nodes == 1 ? "" : "s", level.length, level.radix,
          node_name(pruned, i, static_cast<int>(number)), layout.levels[i], 2 * (level.radix - 1), stride,
          descend(tree, pruned, i, kind, "forward_only", "node", "  "), kept_text(kind), pass_name("split", kind),
          pass_name("join", kind));
    }
  }
  return text;
}

}  // namespace fftconv::cpu
