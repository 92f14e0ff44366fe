// Text of a CPU kernel: its constants, the templates, then the tree of this transform, level by level.
#include <fmt/format.h>

#include <cstring>

#include "backend.h"
#include "cpu/portable.h"
#include "cpu/tree.h"
#include "fftconv/sha256.h"
#include "fftconv/templates.h"

namespace fftconv::cpu {
namespace {

/// In this order: each uses the ones before it.
constexpr const char* kTemplates[] = {"cpu/vectors.h", "cpu/samples.h", "cpu/dft.h",  "cpu/node.h",
                                      "cpu/rows.h",    "cpu/ahead.h",   "cpu/leaf.h", "cpu/filter.h"};

/// The text of a template without the lines that only matter to it as a file of its own.
Result<std::string> template_body(const char* name) {
  std::string_view text = template_text(name);
  if (text.empty()) {
    return Error{ErrorCode::internal, fmt::format("The template {} was not built into the library.", name)};
  }
  std::string body;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    if (!line.starts_with("#include") && !line.starts_with("#pragma once")) body += line;
    text.remove_prefix(end + 1);
  }
  return body;
}

bool has_half_conversions(const std::string& arch) { return arch != "x86-64"; }

std::string radices_text(const KernelConfig& config) { return fmt::format("{}", fmt::join(config.radices, " x ")); }

/// The problem as far as the text depends on it: a binary serves every batch and number of channels.
std::string family_of(Problem problem) {
  problem.batch = problem.channels = problem.groups = 1;
  problem.strides = {};
  std::string text = to_string(problem);
  for (const char* part : {"/b1", "/h1"}) {
    if (const auto at = text.find(part); at != std::string::npos) text.erase(at, std::strlen(part));
  }
  return text;
}

std::string header(const Problem& problem, const KernelConfig& config, const Tree& tree, const std::string& arch) {
  Problem row = problem;
  row.batch = config.paired ? 2 * config.rows : config.rows;
  row.channels = row.groups = 1;
  row.strides = {};
  const KernelCounts counts = cpu::count(row, config, {});
  const double samples = static_cast<double>(row.batch * row.seqlen);
  return fmt::format(
      "// Long convolution on a CPU, for any batch and number of channels.\n"
      "//   problem  {}\n"
      "//   config   {}\n"
      "//   host     {}\n"
      "// {} transform of {} = {} points for {} samples; {} of {} lanes a row.\n"
      "// Expected a sample: {:.1f} flop, {:.2f} vector instructions, {:.1f} bytes to and from L1.\n\n",
      family_of(problem), to_string(config), arch,
      config.paired ? "Cyclic, two rows in one complex" : "Right-angle (mod z^M - i)", radices_text(config),
      tree.length, problem.seqlen, tree.columns, tree.lanes, counts.flops / samples, counts.instructions / samples,
      counts.shared_bytes / samples);
}

const char* cpp(bool value) { return value ? "true" : "false"; }

std::string constants(const Problem& problem, const KernelConfig& config, const Tree& tree, const std::string& arch) {
  std::string text = "using index = long;\n\n";
  const auto line = [&](const char* type, const char* name, auto value, const char* comment) {
    text += fmt::format("constexpr {} {} = {};{}{}\n", type, name, value, *comment ? "  // " : "", comment);
  };
  line("int", "lanes", tree.lanes, "fp32 elements of a vector");
  line("int", "rows", tree.rows, "rows side by side in a vector");
  line("int", "columns", tree.columns, "neighbouring samples of one row in a vector");
  line("index", "seqlen", problem.seqlen, "L");
  line("index", "length", tree.length, "M, points of the transform");
  line("int", "leaf_radix", tree.leaf_radix, "vectors of a leaf");
  line("int", "interleave", config.interleave, "leaves side by side");
  line("bool", "paired", cpp(config.paired), "two rows ride in one complex transform");
  line("bool", "computed_twiddles", cpp(config.twiddle == Residency::registers),
       "lane twiddles are a scalar times a constant vector");
  line("bool", "streaming", cpp(config.streaming),
       "y is written past the caches where rows are aligned, else fetched ahead");
  line("bool", "has_pregate", cpp(problem.pregate), "");
  line("bool", "has_postgate", cpp(problem.postgate), "");
  line("bool", "has_skip", cpp(problem.skip), "");
  line("bool", "filter_per_example", cpp(problem.sharing == FilterSharing::per_example), "");
  line("bool", "circular_filter", cpp(problem.mode == Mode::circular), "lags are taken modulo L");
  line("index", "filter_len", problem.filter_len, "Lk");
  line("index", "first_lag", first_lag(problem), "lag of tap 0");
  line("index", "lag_step", lag_step(problem), "from tap to tap");
  text += fmt::format(
      "\nenum class Type {{ f32, f16, bf16 }};\nconstexpr Type io_type = Type::{};\n#define FFTCONV_NATIVE_HALF {}\n",
      to_string(problem.io), has_half_conversions(arch) ? 1 : 0);
  return text;
}

std::string hex(float value) { return fmt::format("{:a}f", value); }

std::string root_twiddles(const Tree& tree) {
  const std::vector<float> w = twiddles(tree.root_angle, tree.levels[0].radix);
  std::string text = fmt::format(
      "\n// The tree of this transform.\n\n// exp(2 pi i j theta / {}) with theta = {}.\nconstexpr complex "
      "root_twiddle[] "
      "= {{{{1, 0}}",
      tree.levels[0].radix, tree.root_angle);
  for (std::size_t j = 0; j < w.size(); j += 2) text += fmt::format(", {{{}, {}}}", hex(w[j]), hex(w[j + 1]));
  return text + "};\n";
}

/// "The children of one node": a loop over nodes of the next level, or a run of leaves.
std::string descend(const Tree& tree, std::size_t level, const std::string& forward_only, const std::string& node) {
  const int radix = tree.levels[level].radix;
  if (level + 1 == tree.levels.size()) {
    return fmt::format("leaf_run<{}>(z, spectrum, tables + leaf_scalars, tables + leaf_vectors, {}, {}, ahead);\n",
                       forward_only, node == "0" ? "0" : fmt::format("{} * {}", radix, node), radix);
  }
  const std::int64_t child = tree.levels[level + 1].length / tree.columns;
  return fmt::format(
      "for (index k = 0; k < {0}; ++k) node_{1}<{2}>(z + k * {3} * block, spectrum, tables, {4}k, ahead);\n", radix,
      level + 1, forward_only, child, node == "0" ? "" : fmt::format("{} * {} + ", radix, node));
}

/// Inner levels, deepest first so that each function is there when it is called.
std::string node_functions(const Tree& tree, const TableLayout& layout) {
  std::string text;
  for (std::size_t i = tree.levels.size() - 1; i > 0; --i) {
    const Level& level = tree.levels[i];
    const std::int64_t stride = level.length / level.radix / tree.columns;
    text += fmt::format(
        "\n// {0} node{1} mod z^{2} - exp(2 pi i theta), each with {3} children.\n"
        "template <bool forward_only>\n"
        "static void node_{4}(float* z, float* spectrum, const float* tables, index node, const Ahead& ahead) {{\n"
        "  const float* w = tables + {5} + {6} * node;\n"
        "  split<{3}>(z, {7}, w);\n"
        "  {8}"
        "  if constexpr (!forward_only) join<{3}>(z, {7}, w);\n}}\n",
        level.nodes, level.nodes == 1 ? "" : "s", level.length, level.radix, i, layout.levels[i],
        2 * (level.radix - 1), stride, descend(tree, i, "forward_only", "node"));
  }
  return text;
}

std::string entries(const Tree& tree) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\n// Work items first .. last - 1; z is the worker's scratch of 2 * M * rows floats, aligned to 64 bytes.\n"
      "extern \"C\" void fftconv_convolution(const fftconv_args* args, index first, index last, float* z) {{\n"
      "  const float* tables = (const float*)args->tables;\n"
      "  Item item = item_of(*args, first);\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    const bool past_caches = streaming && aligned_rows(item);\n"
      "    const bool more = number + 1 < last;\n"
      "    const Ahead ahead = {{more ? item_of(*args, number + 1) : item, item, more, !past_caches}};\n"
      "    float* spectrum = (float*)args->spectrum + item.filter * 2 * length;\n"
      "    Root<{0}>::split(item, z, root_twiddle);\n"
      "    {1}"
      "    if (past_caches) Root<{0}>::join<streaming>(item, z, root_twiddle);\n"
      "    else Root<{0}>::join<false>(item, z, root_twiddle);\n"
      "    item = ahead.next;\n"
      "  }}\n"
      "  if (streaming) finish_streaming();\n"
      "}}\n"
      "\n// Spectra of filters first .. last - 1, in the order of the leaves.\n"
      "extern \"C\" void fftconv_spectrum(const fftconv_args* args, index first, index last, float* z) {{\n"
      "  const float* tables = (const float*)args->tables;\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    float* spectrum = (float*)args->spectrum + number * 2 * length;\n"
      "    place_taps((const float*)args->filter + number * filter_len, z);\n"
      "    const Ahead ahead = {{}};\n"
      "    split<{0}>(z, {2}, (const float*)(root_twiddle + 1));\n"
      "    {3}"
      "  }}\n"
      "}}\n",
      radix, descend(tree, 0, "false", "0"), tree.length / radix / tree.columns, descend(tree, 0, "true", "0"));
}

std::vector<std::string> compiler_options(const std::string& arch) {
  std::vector<std::string> options{"-O2", "-ffp-contract=fast", "-fno-signed-zeros", "-ffinite-math-only"};
  if (arch.starts_with("x86-64")) options.push_back("-mprefer-vector-width=512");
  return options;
}

}  // namespace

Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (Result<void> legal = cpu::check_legal(problem, config, device); !legal) return legal.error();
  if (config.compiler == CompilerId::none) return describe_portable(problem, config, device);
  const Tree tree = tree_of(config);
  const bool computed = config.twiddle == Residency::registers;
  const TableLayout layout = table_layout(tree, computed);

  KernelSource source;
  source.problem = problem;
  source.config = config;
  source.arch = device.arch;
  source.text = header(problem, config, tree, device.arch) + constants(problem, config, tree, device.arch);
  for (const char* name : kTemplates) {
    Result<std::string> body = template_body(name);
    if (!body) return body.error();
    source.text += '\n' + *body;
  }
  source.text += root_twiddles(tree);
  source.text += fmt::format("constexpr index leaf_scalars = {}, leaf_vectors = {};  // in the tables\n",
                             layout.leaf_scalars, layout.leaf_vectors);
  source.text += node_functions(tree, layout) + entries(tree);

  const int item_rows = config.paired ? 2 * config.rows : config.rows;
  const std::int64_t items = (problem.batch + item_rows - 1) / item_rows * problem.channels;
  const std::int64_t scratch = tree.length * tree.rows * 2 * static_cast<std::int64_t>(sizeof(float));
  source.convolution = {"fftconv_convolution", {static_cast<int>(items), 1, 1}, 1, scratch};
  source.spectrum = {"fftconv_spectrum", {static_cast<int>(filter_count(problem)), 1, 1}, 1, scratch};
  source.options = compiler_options(device.arch);
  const std::vector<float> tables = make_tables(tree, computed);
  source.tables.resize(tables.size() * sizeof(float));
  std::memcpy(source.tables.data(), tables.data(), source.tables.size());
  source.spectrum_bytes = filter_count(problem) * tree.length * 2 * static_cast<std::int64_t>(sizeof(float));
  source.digest = sha256(fmt::format("{}\n{}\n{}", source.text, fmt::join(source.options, " "), source.arch));
  return source;
}

}  // namespace fftconv::cpu
