#include "cpu/node_text.h"

#include <fmt/format.h>

#include "cpu/sparse_text.h"

namespace fftconv::cpu {

const Walk kConvolution = {
    .parameter = "bool forward_only",
    .argument = "forward_only",
    .parameters = "real* z, real* spectrum, const real* tables, index node, const Ahead& ahead",
    .arguments = "spectrum, tables, {}, ahead",
    .leaves = "leaf_run<{0}, {1}>({2}, spectrum, tables + leaf_scalars, tables + leaf_vectors, {3}, ahead)",
    .splits = "",
    .joins = "if constexpr (!forward_only) ",
};

std::string WalkText::leaves(const Level& level, const ChildRun& run, const Place& place) const {
  const std::string z = run.first == 0 ? place.z : fmt::format("{} + {} * leaf_floats", place.z, run.first);
  return fmt::format(fmt::runtime(walk_.leaves), place.argument, run.count, z,
                     child_number(level.radix, place.node, run.first)) +
         ";\n";
}

std::string WalkText::nodes(std::size_t level, const ChildRun& run, const Place& place) const {
  const int radix = tree_.levels[level].radix;
  const std::int64_t child = tree_.levels[level + 1].length / tree_.columns + place.gap;
  const std::string call = fmt::format("{}<{}>", node_name(pruned_, level + 1, run.kind), place.argument);
  const auto arguments = [&](const std::string& number) {
    return fmt::format(fmt::runtime(walk_.arguments), number);
  };
  if (run.count == 1) {
    return fmt::format("{}({} + {} * block, {});\n", call, place.z, run.first * child,
                       arguments(child_number(radix, place.node, run.first)));
  }
  const std::string number = place.node.empty() ? "k" : fmt::format("{} * {} + k", radix, place.node);
  return fmt::format("for (index k = {}; k < {}; ++k) {}({} + k * {} * block, {});\n", run.first,
                     run.first + run.count, call, place.z, child, arguments(number));
}

std::string WalkText::children(std::size_t level, const NodeKind& kind, const Place& place) const {
  std::string text;
  for (const ChildRun& run : child_runs(kind)) {
    if (!text.empty()) text += place.indent;
    text += level + 1 == tree_.levels.size() ? leaves(tree_.levels[level], run, place) : nodes(level, run, place);
  }
  return text;
}

std::string WalkText::root(const std::string& argument, const std::string& indent, const std::string& z,
                           std::int64_t gap) const {
  return children(0, pruned_.levels[0][0], {.argument = argument, .node = "", .z = z, .indent = indent, .gap = gap});
}

std::string WalkText::functions(const TableLayout& layout) const {
  std::string text;
  for (std::size_t i = tree_.levels.size() - 1; i > 0; --i) {
    const Level& level = tree_.levels[i];
    const std::int64_t stride = level.length / level.radix / tree_.columns;
    for (std::size_t number = 0; number < pruned_.levels[i].size(); ++number) {
      const NodeKind& kind = pruned_.levels[i][number];
      text += fmt::format(
          "\n// {0} node{1} mod z^{2} - exp(2 pi i theta), each with {3} children{4}.\n"
          "template <{5}>\n"
          "static void {6}({7}) {{\n"
          "  const real* w = tables + {8} + {9} * node;\n"
          "  {10}{11}(z, {14}, {14}, w);\n"
          "  {15}"
          "  {12}{13}(z, {14}, {14}, w);\n}}\n",
          kind.nodes, kind.nodes == 1 ? "" : "s", level.length, level.radix, kept_text(kind), walk_.parameter,
          node_name(pruned_, i, static_cast<int>(number)), walk_.parameters, layout.levels[i], 2 * (level.radix - 1),
          walk_.splits, pass_name("split", kind), walk_.joins, pass_name("join", kind), stride,
          children(i, kind, {.argument = walk_.argument, .node = "node", .z = "z", .indent = "  "}));
    }
  }
  return text;
}

}  // namespace fftconv::cpu
