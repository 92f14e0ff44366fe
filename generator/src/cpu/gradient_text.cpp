#include "cpu/gradient_text.h"

#include <fmt/format.h>

namespace fftconv::cpu {
namespace {

/// "The children of one node": a loop over nodes of the next level, or a run of leaves.
std::string descend(const Tree& tree, std::size_t level, const std::string& pass, const std::string& z,
                    const std::string& node) {
  const int radix = tree.levels[level].radix;
  const std::string first = node.empty() ? "0" : fmt::format("{} * {}", radix, node);
  if (level + 1 == tree.levels.size()) {
    return fmt::format("gradient_run<{}>({}, tables + leaf_scalars, tables + leaf_vectors, {}, {});\n", pass, z,
                       first, radix);
  }
  const std::int64_t child = tree.levels[level + 1].length / tree.columns;
  return fmt::format("for (index k = 0; k < {}; ++k) node_{}<{}>({} + k * {} * block, tables, {} + k);\n", radix,
                     level + 1, pass, z, child, first);
}

std::string plain_entry(const Tree& tree) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\n// Gradients of filters first .. last - 1; z is the worker's scratch of three planes, aligned to 64 bytes.\n"
      "static void convolve_items(const fftconv_args* args, index first, index last, real* z) {{\n"
      "  const real* tables = (const real*)args->tables;\n"
      "  real* const u = z + plane;\n"
      "  real* const sum = z + 2 * plane;\n"
      "  for (index filter = first; filter < last; ++filter) {{\n"
      "    for (index i = 0; i < length / columns * block; ++i) sum[i] = 0;\n"
      "    const ItemRange items = items_of(*args, filter);\n"
      "    for (index number = items.begin; number < items.end; ++number) {{\n"
      "      const Item item = item_of(*args, number);\n"
      "      Root<{0}>::split(item, u, 0, Root<{0}>::blocks, root_twiddle);\n"
      "      {1}"
      "      Root<{0}>::split(gradient_of(item, *args), z, 0, Root<{0}>::blocks, root_twiddle);\n"
      "      {2}"
      "    }}\n"
      "    {3}"
      "    join<{0}>(sum, {4}, {4}, (const real*)(root_twiddle + 1));\n"
      "    take_taps(sum, (real*)args->dk + filter * filter_len);\n"
      "  }}\n"
      "}}\n",
      radix, descend(tree, 0, "Pass::forward", "u", ""), descend(tree, 0, "Pass::accumulate", "z", ""),
      descend(tree, 0, "Pass::back", "sum", ""), tree.length / radix / tree.columns);
}

/// The same with rows that are gathered, as in templates/cpu/group_gradient.h.
std::string grouped_entry(const Tree& tree) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\n// Gradients of groups of filters first .. last - 1; z is the worker's scratch, aligned to 64 bytes.\n"
      "static void convolve_items(const fftconv_args* args, index first, index last, real* z) {{\n"
      "  const real* tables = (const real*)args->tables;\n"
      "  real* const u = z + plane;\n"
      "  real* const sum = z + 2 * plane;\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    const FilterGroup filters = filter_group(*args, number);\n"
      "    for (index i = 0; i < filters.count * plane; ++i) kept_sum(z, 0)[i] = 0;\n"
      "    each_group(filters, z, [&](const Group& group) {{\n"
      "      gather_group(*args, group);\n"
      "      gather_tensor(*args, group, args->dy, copy_of_dy);\n"
      "      const GroupRows source = {{*args, group}};\n"
      "      for (index i = 0; i < group.channels * items_of_channel(group); ++i) {{\n"
      "        const Item item = item_of(source, i);\n"
      "        real* const kept = kept_sum(z, item.filter - filters.first);\n"
      "        if (i % items_of_channel(group) == 0) copy_plane(kept, sum);\n"
      "        Root<{0}>::split(item, u, 0, Root<{0}>::blocks, root_twiddle);\n"
      "        {1}"
      "        Root<{0}>::split(gradient_of(item, source), z, 0, Root<{0}>::blocks, root_twiddle);\n"
      "        {2}"
      "        if ((i + 1) % items_of_channel(group) == 0) copy_plane(sum, kept);\n"
      "      }}\n"
      "    }});\n"
      "    for (index filter = 0; filter < filters.count; ++filter) {{\n"
      "      copy_plane(kept_sum(z, filter), sum);\n"
      "      {3}"
      "      join<{0}>(sum, {4}, {4}, (const real*)(root_twiddle + 1));\n"
      "      take_taps(sum, (real*)args->dk + (filters.first + filter) * filter_len);\n"
      "    }}\n"
      "  }}\n"
      "}}\n",
      radix, descend(tree, 0, "Pass::forward", "u", ""), descend(tree, 0, "Pass::accumulate", "z", ""),
      descend(tree, 0, "Pass::back", "sum", ""), tree.length / radix / tree.columns);
}

}  // namespace

std::string gradient_text(const Tree& tree, const TableLayout& layout, RowPlaces places) {
  std::string text;
  for (std::size_t i = tree.levels.size() - 1; i > 0; --i) {
    const Level& level = tree.levels[i];
    const std::int64_t stride = level.length / level.radix / tree.columns;
    text += fmt::format(
        "\n// {0} node{1} mod z^{2} - exp(2 pi i theta), each with {3} children.\n"
        "template <Pass pass>\n"
        "static void node_{4}(real* z, const real* tables, index node) {{\n"
        "  const real* w = tables + {5} + {6} * node;\n"
        "  if constexpr (pass != Pass::back) split<{3}>(z, {7}, {7}, w);\n"
        "  {8}"
        "  if constexpr (pass == Pass::back) join<{3}>(z, {7}, {7}, w);\n}}\n",
        level.nodes, level.nodes == 1 ? "" : "s", level.length, level.radix, i, layout.levels[i],
        2 * (level.radix - 1), stride, descend(tree, i, "pass", "z", "node"));
  }
  return text + (places == RowPlaces::gathered ? grouped_entry(tree) : plain_entry(tree));
}

std::int64_t gradient_scratch(const Tree& tree) { return 3 * (tree.length / tree.columns + 5) * 2 * tree.lanes; }

}  // namespace fftconv::cpu
