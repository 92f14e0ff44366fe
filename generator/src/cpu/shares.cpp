#include "cpu/shares.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/row_places.h"
#include "cpu/sparse_text.h"

namespace fftconv::cpu {
namespace {

constexpr std::int64_t kLeastPoints = 1 << 14;   ///< complex, of an item that is shared
constexpr std::int64_t kLeastSubtree = 1 << 10;  ///< complex points of a node that one thread takes

/// Levels from the root on that several threads can go through pass by pass, so that the subtrees below are as many
/// as there may be threads.
int shared_levels(const Tree& tree) {
  constexpr int most = 3;
  int levels = 1;
  while (levels < most && levels + 1 < static_cast<int>(tree.levels.size()) &&
         tree.levels[levels + 1].length * tree.rows >= kLeastSubtree) {
    ++levels;
  }
  return levels;
}

std::int64_t stride_of(const Tree& tree, int level) {
  return tree.levels[level].length / tree.levels[level].radix / tree.columns;
}

/// Whether nothing above or at this level is left out.
bool is_whole(const Tree& tree, const PrunedTree& pruned, int level) {
  const std::vector<NodeKind>& kinds = pruned.levels[static_cast<std::size_t>(level)];
  return kinds.size() == 1 && kinds.front().nodes == tree.levels[static_cast<std::size_t>(level)].nodes;
}

/// "case 1: split_nodes<4>(…); break;" for every level but the root's.
std::string pass_cases(const Tree& tree, const PrunedTree& pruned, const TableLayout& layout, const char* pass) {
  std::string text;
  for (int level = 1; level < shared_levels(tree); ++level) {
    const int radix = tree.levels[level].radix;
    const std::vector<NodeKind>& kinds = pruned.levels[level];
    if (is_whole(tree, pruned, level) && kept_children(kinds.front()) == radix) {
      text += fmt::format("      case {}: {}_nodes<{}>(z, {}, tables + {}, first, last); break;\n", level, pass,
                          radix, stride_of(tree, level), layout.levels[level]);
      continue;
    }
    text += fmt::format(
        "      case {0}:\n"
        "        each_node({1}, first, last, [=](index node, index b, index count) {{\n"
        "          real* const at = z + (node * {2} + b) * block;\n"
        "          const real* const w = tables + {3} + {4} * node;\n",
        level, stride_of(tree, level), radix * stride_of(tree, level), layout.levels[level], 2 * (radix - 1));
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      text += fmt::format("          if (kind_{}[node] == {}) {}(at, {}, count, w);\n", level, kind,
                          pass_name(pass, kinds[kind]), stride_of(tree, level));
    }
    text += "        });\n        break;\n";
  }
  return text;
}

/// Of a filter's spectrum also what is dropped is written: zeros.
std::string sparse_subtree_case(const Tree& tree, const PrunedTree& pruned, int level) {
  std::string text = fmt::format("      case {}:\n        for (index k = first; k < last; ++k) {{\n", level);
  for (std::size_t kind = 0; kind < pruned.levels[level].size(); ++kind) {
    text += fmt::format(
        "          if (kind_{0}[k] == {1}) {2}<forward_only>(z + k * {3} * block, spectrum, tables, k, ahead);\n",
        level, kind, node_name(pruned, level, static_cast<int>(kind)), tree.levels[level].length / tree.columns);
  }
  return text + fmt::format(
                    "        }}\n"
                    "        if constexpr (forward_only) drop<columns>(spectrum, first * {0}, last * {0});\n"
                    "        break;\n",
                    tree.leaves / tree.levels[level].nodes);
}

std::string subtree_cases(const Tree& tree, const PrunedTree& pruned) {
  std::string text;
  for (int level = 1; level <= shared_levels(tree); ++level) {
    if (pruned.leaves < tree.leaves || pruned.has_partial_leaves) {
      text += sparse_subtree_case(tree, pruned, level);
      continue;
    }
    text += fmt::format(
        "      case {0}:\n"
        "        for (index k = first; k < last; ++k) node_{0}<forward_only>(z + k * {1} * block, spectrum, tables, "
        "k, "
        "ahead);\n"
        "        break;\n",
        level, tree.levels[level].length / tree.columns);
  }
  return text;
}

/// Of the levels that are shared, which nodes are which.
std::string kind_tables(const Tree& tree, const PrunedTree& pruned) {
  std::string text;
  if (pruned.leaves == tree.leaves && !pruned.has_partial_leaves) return text;
  for (int level = 1; level <= shared_levels(tree); ++level) {
    text += fmt::format(
        "\n// Of the nodes of level {0}: which function computes them; {1} are dropped.\n"
        "constexpr signed char kind_{0}[] = {{{2}}};\n",
        level, kDropped, fmt::join(node_kinds(pruned, static_cast<std::size_t>(level)), ", "));
  }
  return text;
}

}  // namespace

bool is_shared(const Problem& problem, const KernelConfig& config, std::int64_t partitions) {
  return reads_filter(problem) && row_places(problem) != RowPlaces::gathered && config.strategy == Strategy::fused &&
         config.radices.size() > 2 &&
         points_worth(transform_length(config) * config.rows, partitions) >= kLeastPoints;
}

KernelShares shares_of(const Problem& problem, const Tree& tree) {
  KernelShares shares{.convolution = "fftconv_convolution_share", .spectrum = "fftconv_spectrum_share"};
  for (int level = 0; level < shared_levels(tree); ++level) {
    shares.blocks.push_back(tree.levels[level].nodes * stride_of(tree, level));
    shares.subtrees.push_back(tree.levels[level + 1].nodes);
  }
  shares.memory_blocks = tree.length / tree.columns;
  shares.taps = problem.filter_len;
  return shares;
}

std::string share_entries(const Problem& problem, const Tree& tree, const PrunedTree& pruned,
                          const TableLayout& layout) {
  const int root = tree.levels[0].radix;
  const std::string keep = fmt::format("    keep_carry(item, *args, z, first, last, Root<{}>::blocks);\n", root),
                    carrying =
                        fmt::format("    join_carrying<{}>(item, *args, z, first, last, root_twiddle);\n", root);
  return kind_tables(tree, pruned) +
         fmt::format(
             "\n// Units first .. last - 1 of a pass over the nodes of a level below the root.\n"
             "template <bool forward_only>\n"
             "static void share_nodes(index pass, index level, index first, index last, real* z, real* spectrum,\n"
             "                        const real* tables, const Ahead& ahead) {{\n"
             "  if (pass == split_pass) {{\n    switch (level) {{\n{0}    }}\n  }}\n"
             "  if (pass == subtree_pass) {{\n    switch (level) {{\n{1}    }}\n  }}\n"
             "  if (!forward_only && pass == join_pass) {{\n    switch (level) {{\n{2}    }}\n  }}\n"
             "}}\n"
             "\n// The same of work item `number`, root included; z is the item's.\n"
             "FFTCONV_ENTRY void fftconv_convolution_share(const fftconv_args* args, index number, index pass, index "
             "level,\n"
             "                                          index first, index last, real* z) {{\n"
             "  const Item item = item_of(*args, number);\n"
             "  const bool past_caches = streaming && aligned_rows(item);\n"
             "  if (pass == split_pass && level == 0) {{\n"
             "{5}"
             "    split_root(item, z, first, last);\n"
             "  }} else if (pass == join_pass && level == 0) {{\n"
             "{6}"
             "    if (streaming) finish_streaming();\n"
             "  }} else {{\n"
             "    const Ahead ahead = {{item, item, false, false, history_of(*args, number)}};\n"
             "    real* spectrum = spectrum_of(*args, item.filter);\n"
             "    share_nodes<false>(pass, level, first, last, z, spectrum, (const real*)args->tables, ahead);\n"
             "  }}\n"
             "}}\n"
             "\n// The same of the spectrum of filter `number`.\n"
             "FFTCONV_ENTRY void fftconv_spectrum_share(const fftconv_args* args, index number, index pass, index "
             "level,\n"
             "                                       index first, index last, real* z) {{\n"
             "  if (pass == clear_pass) clear_blocks(z, first, last);\n"
             "  else if (pass == tap_pass) place_taps((const real*)args->filter + number * filter_len, z, first, "
             "last);\n"
             "  else if (pass == split_pass && level == 0) {{\n"
             "    split_nodes<{3}>(z, {4}, (const real*)(root_twiddle + 1), first, last);\n"
             "  }} else {{\n"
             "    const Ahead ahead = {{}};\n"
             "    real* spectrum = made_spectrum(*args, number);\n"
             "    share_nodes<true>(pass, level, first, last, z, spectrum, (const real*)args->tables, ahead);\n"
             "  }}\n"
             "}}\n",
             pass_cases(tree, pruned, layout, "split"), subtree_cases(tree, pruned),
             pass_cases(tree, pruned, layout, "join"), root, stride_of(tree, 0), problem.carry ? keep : "",
             problem.carry ? carrying : "    join_root(item, z, first, last, past_caches);\n");
}

}  // namespace fftconv::cpu
