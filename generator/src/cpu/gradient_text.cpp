#include "cpu/gradient_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/node_text.h"

namespace fftconv::cpu {
namespace {

/// The three passes of templates/cpu/gradient.h.
constexpr Walk kGradient = {
    .parameter = "Pass pass",
    .argument = "pass",
    .parameters = "real* z, const real* tables, index node",
    .arguments = "tables, {}",
    .leaves = "gradient_run<{0}>({2}, tables + leaf_scalars, tables + leaf_vectors, {3}, {1})",
    .splits = "if constexpr (pass != Pass::back) ",
    .joins = "if constexpr (pass == Pass::back) ",
};

/// The way back of a filter's sum, which every entry ends with.
std::string finish_function(const Tree& tree, const PrunedTree& pruned, const WalkText& walk) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\n// From the sum over all rows of a filter to its gradient.\n"
      "static __attribute__((noinline)) void finish(const fftconv_args* args, index filter, real* sum) {{\n"
      "  const real* tables = (const real*)args->tables;\n"
      "{0}"
      "  {1}"
      "  join<{2}>(sum, {3}, {3}, (const real*)(root_twiddle + 1));\n"
      "  take_taps(sum, (real*)args->dk + filter * filter_len);\n"
      "}}\n",
      pruned.has_partial_leaves ? "  drop<lanes>(sum, 0, leaf_count);\n" : "", walk.root("Pass::back", "  ", "sum"),
      radix, tree.length / radix / tree.columns);
}

std::string plain_entry(const Tree& tree, const WalkText& walk) {
  return fmt::format(
      "\n// The products of some of a filter's rows: z + 2 * plane is their sum.\n"
      "static __attribute__((noinline)) void add_up(const fftconv_args* args, const ItemRange& items, real* z) {{\n"
      "  const real* tables = (const real*)args->tables;\n"
      "  real* const u = z + plane;\n"
      "  clear_plane(z + 2 * plane);\n"
      "  for (index number = items.begin; number < items.end; ++number) {{\n"
      "    const Item item = item_of(*args, number);\n"
      "    Root<{0}>::split(item, u, 0, Root<{0}>::blocks, root_twiddle);\n"
      "    {1}"
      "    Root<{0}>::split(gradient_of(item, *args), z, 0, Root<{0}>::blocks, root_twiddle);\n"
      "    {2}"
      "  }}\n"
      "}}\n"
      "\n// Gradients of filters first .. last - 1; z is the worker's scratch, aligned to 64 bytes: three planes, "
      "and\n"
      "// one more where there are several partial sums.\n"
      "static void convolve_items(const fftconv_args* args, index first, index last, real* z) {{\n"
      "  for (index filter = first; filter < last; ++filter) {{\n"
      "    const ItemRange items = items_of(*args, filter);\n"
      "    const index sums = sums_of(*args, items);\n"
      "    real* const sum = z + (sums > 1 ? 3 : 2) * plane;\n"
      "    add_up(args, items_of_sum(items, 0, sums), sum - 2 * plane);\n"
      "    for (index number = 1; number < sums; ++number) {{\n"
      "      add_up(args, items_of_sum(items, number, sums), z);\n"
      "      add_plane(sum, z + 2 * plane);\n"
      "    }}\n"
      "    finish(args, filter, sum);\n"
      "  }}\n"
      "}}\n"
      "\n// Units first .. last - 1 of a pass over one filter; z is the filter's, three planes for each partial "
      "sum.\n"
      "FFTCONV_ENTRY void fftconv_convolution_share(const fftconv_args* args, index filter, index pass, index,\n"
      "                                          index first, index last, real* z) {{\n"
      "  const ItemRange items = items_of(*args, filter);\n"
      "  const index sums = sums_of(*args, items);\n"
      "  if (pass == partial_pass) {{\n"
      "    for (index number = first; number < last; ++number)\n"
      "      add_up(args, items_of_sum(items, number, sums), z + 3 * number * plane);\n"
      "  }} else if (pass == rest_pass) {{\n"
      "    for (index number = 1; number < sums; ++number)\n"
      "      add_plane(z + 2 * plane, z + (3 * number + 2) * plane);\n"
      "    finish(args, filter, z + 2 * plane);\n"
      "  }}\n"
      "}}\n",
      tree.levels[0].radix, walk.root("Pass::forward", "    ", "u"), walk.root("Pass::accumulate", "    ", "z"));
}

/// The same with rows that are gathered, as in templates/cpu/group_gradient.h.
std::string grouped_entry(const Tree& tree, const WalkText& walk) {
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
      "      finish(args, filters.first + filter, sum);\n"
      "    }}\n"
      "  }}\n"
      "}}\n",
      tree.levels[0].radix, walk.root("Pass::forward", "        ", "u"),
      walk.root("Pass::accumulate", "        ", "z"));
}

}  // namespace

std::string gradient_text(const Tree& tree, const PrunedTree& pruned, const TableLayout& layout, RowPlaces places) {
  const WalkText walk(tree, pruned, kGradient);
  return walk.functions(layout) + finish_function(tree, pruned, walk) +
         (places == RowPlaces::gathered ? grouped_entry(tree, walk) : plain_entry(tree, walk));
}

namespace {

constexpr std::int64_t kEnoughSums = 32;        ///< partial sums of all filters together
constexpr std::int64_t kMostNumbers = 1 << 25;  ///< of all planes, which lie in memory at once

std::int64_t plane_numbers(const Tree& tree) { return (tree.length / tree.columns + 5) * 2 * tree.lanes; }

std::int64_t most_sums(const Tree& tree) {
  return std::clamp<std::int64_t>(kMostNumbers / (3 * plane_numbers(tree)), 1, 8);
}

/// The same in sums_of() of the template. No text depends on it: a binary serves every batch. Rows that are gathered
/// are added up one after the other.
std::int64_t partial_sums(const Problem& problem, const KernelConfig& config, const Tree& tree) {
  if (row_places(problem) == RowPlaces::gathered) return 1;
  const int item_rows = config.paired ? 2 * config.rows : config.rows;
  const std::int64_t groups = (problem.batch + item_rows - 1) / item_rows, filters = filter_count(problem);
  const std::int64_t items = problem.sharing == FilterSharing::per_example ? 1 : problem.channels / filters * groups;
  return std::min(items, std::max<std::int64_t>(1, std::min(most_sums(tree), kEnoughSums / filters)));
}

}  // namespace

std::string gradient_constants(const Tree& tree) {
  return fmt::format(
      "constexpr index most_sums = {}, enough_sums = {};  // partial ones of a filter, of all filters\n",
      most_sums(tree), kEnoughSums);
}

std::int64_t gradient_scratch(const Problem& problem, const KernelConfig& config, const Tree& tree) {
  return 3 * partial_sums(problem, config, tree) * plane_numbers(tree);
}

KernelShares gradient_shares(const Problem& problem, const KernelConfig& config, const Tree& tree) {
  const std::int64_t sums = partial_sums(problem, config, tree);
  if (sums == 1) return {};
  return {.convolution = "fftconv_convolution_share", .blocks = {sums}, .subtrees = {1}};
}

}  // namespace fftconv::cpu
