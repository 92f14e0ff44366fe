#include "cpu/shares.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/row_places.h"

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

/// "case 1: split_nodes<4>(…); break;" for every level but the root's.
std::string pass_cases(const Tree& tree, const TableLayout& layout, const char* pass) {
  std::string text;
  for (int level = 1; level < shared_levels(tree); ++level) {
    text += fmt::format("      case {}: {}_nodes<{}>(z, {}, tables + {}, first, last); break;\n", level, pass,
                        tree.levels[level].radix, stride_of(tree, level), layout.levels[level]);
  }
  return text;
}

std::string subtree_cases(const Tree& tree) {
  std::string text;
  for (int level = 1; level <= shared_levels(tree); ++level) {
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

}  // namespace

bool is_shared(const Problem& problem, const KernelConfig& config) {
  return reads_filter(problem) && !problem.carry && row_places(problem) != RowPlaces::gathered &&
         config.strategy == Strategy::fused && config.radices.size() > 2 &&
         transform_length(config) * config.rows >= kLeastPoints;
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

std::string share_entries(const Tree& tree, const TableLayout& layout) {
  return fmt::format(
      "\n// Units first .. last - 1 of a pass over the nodes of a level below the root.\n"
      "template <bool forward_only>\n"
      "static void share_nodes(index pass, index level, index first, index last, real* z, real* spectrum,\n"
      "                        const real* tables, const Ahead& ahead) {{\n"
      "  if (pass == split_pass) {{\n    switch (level) {{\n{0}    }}\n  }}\n"
      "  if (pass == subtree_pass) {{\n    switch (level) {{\n{1}    }}\n  }}\n"
      "  if (!forward_only && pass == join_pass) {{\n    switch (level) {{\n{2}    }}\n  }}\n"
      "}}\n"
      "\n// The same of work item `number`, root included; z is the item's.\n"
      "extern \"C\" void fftconv_convolution_share(const fftconv_args* args, index number, index pass, index level,\n"
      "                                          index first, index last, real* z) {{\n"
      "  const Item item = item_of(*args, number);\n"
      "  const bool past_caches = streaming && aligned_rows(item);\n"
      "  if (pass == split_pass && level == 0) split_root(item, z, first, last);\n"
      "  else if (pass == join_pass && level == 0) {{\n"
      "    join_root(item, z, first, last, past_caches);\n"
      "    if (streaming) finish_streaming();\n"
      "  }} else {{\n"
      "    const Ahead ahead = {{item, item, false, false}};\n"
      "    real* spectrum = (real*)args->spectrum + item.filter * 2 * length;\n"
      "    share_nodes<false>(pass, level, first, last, z, spectrum, (const real*)args->tables, ahead);\n"
      "  }}\n"
      "}}\n"
      "\n// The same of the spectrum of filter `number`.\n"
      "extern \"C\" void fftconv_spectrum_share(const fftconv_args* args, index number, index pass, index level,\n"
      "                                       index first, index last, real* z) {{\n"
      "  if (pass == clear_pass) clear_blocks(z, first, last);\n"
      "  else if (pass == tap_pass) place_taps((const real*)args->filter + number * filter_len, z, first, last);\n"
      "  else if (pass == split_pass && level == 0) {{\n"
      "    split_nodes<{3}>(z, {4}, (const real*)(root_twiddle + 1), first, last);\n"
      "  }} else {{\n"
      "    const Ahead ahead = {{}};\n"
      "    real* spectrum = (real*)args->spectrum + number * 2 * length;\n"
      "    share_nodes<true>(pass, level, first, last, z, spectrum, (const real*)args->tables, ahead);\n"
      "  }}\n"
      "}}\n",
      pass_cases(tree, layout, "split"), subtree_cases(tree), pass_cases(tree, layout, "join"), tree.levels[0].radix,
      stride_of(tree, 0));
}

}  // namespace fftconv::cpu
