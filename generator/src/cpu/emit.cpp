// Text of a CPU kernel: its constants, the templates, then the tree of this transform, level by level.
#include <fmt/format.h>

#include <cstring>

#include "backend.h"
#include "cpu/gradient_text.h"
#include "cpu/lags.h"
#include "cpu/portable.h"
#include "cpu/row_places.h"
#include "cpu/shares.h"
#include "cpu/tree.h"
#include "fftconv/sha256.h"
#include "fftconv/templates.h"

namespace fftconv::cpu {
namespace {

/// After those of the samples, in this order: each uses the ones before it.
constexpr const char* kTemplates[] = {"cpu/dft.h",   "cpu/node.h",  "cpu/rows.h",
                                      "cpu/entry.h", "cpu/ahead.h", "cpu/leaf.h"};
/// Of a direct sum, which has no transform.
constexpr const char* kDirect[] = {"cpu/dft.h",   "cpu/node.h",   "cpu/rows.h",
                                   "cpu/entry.h", "cpu/inside.h", "cpu/direct.h"};

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

bool is_half(DataType io) { return io == DataType::f16 || io == DataType::bf16; }

/// The templates of a kernel, each after the ones that it uses.
std::vector<const char*> templates_of(const Problem& problem, const KernelConfig& config) {
  std::vector<const char*> templates{"cpu/vectors.h", is_half(problem.io) ? "cpu/halves.h" : "cpu/wholes.h",
                                     "cpu/samples.h"};
  const auto add = [&](const auto& names) { templates.insert(templates.end(), std::begin(names), std::end(names)); };
  const auto add_groups = [&] {
    if (row_places(problem) != RowPlaces::gathered) return;
    templates.insert(templates.end(), {"cpu/strided.h", "cpu/groups.h"});
    if (!reads_filter(problem)) templates.push_back("cpu/group_gradient.h");
  };
  if (config.strategy == Strategy::direct) {
    add(kDirect);
    add_groups();
    return templates;
  }
  add(kTemplates);
  templates.push_back(reads_filter(problem) ? "cpu/filter.h" : "cpu/gradient.h");
  if (problem.carry) templates.push_back("cpu/carry.h");
  if (config.strategy == Strategy::chunked) templates.insert(templates.end(), {"cpu/inside.h", "cpu/chunks.h"});
  if (is_shared(problem, config)) templates.push_back("cpu/shares.h");
  add_groups();
  return templates;
}

const char* real_name(const Problem& problem) { return problem.precision == Precision::f64 ? "double" : "float"; }

bool has_half_conversions(const std::string& arch) { return arch != "x86-64"; }

std::string radices_text(const KernelConfig& config) { return fmt::format("{}", fmt::join(config.radices, " x ")); }

/// The problem as far as the text depends on it: a binary serves every batch and number of channels, and of rows that
/// are not dense all strides. Which kind the rows are stands in the constants.
std::string family_of(Problem problem) {
  problem.batch = problem.channels = problem.groups = 1;
  problem.layout = Layout::bhl;
  problem.strides = {};
  std::string text = to_string(problem);
  for (const char* part : {"/b1", "/h1"}) {
    if (const auto at = text.find(part); at != std::string::npos) text.erase(at, std::strlen(part));
  }
  return text;
}

/// What is done with a row, in a sentence.
std::string plan_text(const Problem& problem, const KernelConfig& config, const Tree& tree) {
  if (config.strategy == Strategy::direct) {
    return fmt::format("A direct sum over {} taps, {} samples at a time", problem.filter_len, tree.length);
  }
  const std::string samples =
      config.strategy == Strategy::chunked
          ? fmt::format("{} samples in {} chunks", problem.seqlen, chunk_count(problem, tree.length))
          : fmt::format("{} samples", problem.seqlen);
  return fmt::format("{} transform of {} = {} points for {}; {} of {} lanes a row",
                     config.paired ? "Cyclic, two rows in one complex" : "Right-angle (mod z^M - i)",
                     radices_text(config), tree.length, samples, tree.columns, tree.lanes);
}

std::string header(const Problem& problem, const KernelConfig& config, const Tree& tree, const std::string& arch) {
  Problem row = problem;
  row.batch = config.paired ? 2 * config.rows : config.rows;
  row.channels = row.groups = 1;
  row.layout = Layout::bhl;
  row.strides = {};
  const KernelCounts counts = cpu::count(row, config, {});
  const double samples = static_cast<double>(row.batch * row.seqlen);
  return fmt::format(
      "// Long convolution on a CPU, for any batch and number of channels.\n"
      "//   problem  {}\n"
      "//   config   {}\n"
      "//   host     {}\n"
      "//   rows     {}\n"
      "// {}.\n"
      "// Expected a sample: {:.1f} flop, {:.2f} vector instructions, {:.1f} bytes to and from L1.\n\n",
      family_of(problem), to_string(config), arch, row_places_text(problem), plan_text(problem, config, tree),
      counts.flops / samples, counts.instructions / samples, counts.shared_bytes / samples);
}

const char* cpp(bool value) { return value ? "true" : "false"; }

std::string constants(const Problem& problem, const KernelConfig& config, const Tree& tree, const std::string& arch) {
  std::string text = fmt::format("using index = long;\nusing real = {};  // all arithmetic\n\n", real_name(problem));
  const auto line = [&](const char* type, const char* name, auto value, const char* comment) {
    text += fmt::format("constexpr {} {} = {};{}{}\n", type, name, value, *comment ? "  // " : "", comment);
  };
  line("int", "lanes", tree.lanes, "elements of a vector");
  line("int", "rows", tree.rows, "rows side by side in a vector");
  line("int", "columns", tree.columns, "neighbouring samples of one row in a vector");
  line("index", "seqlen", problem.seqlen, "L");
  line("index", "length", tree.length, "M, points of the transform");
  line("int", "leaf_radix", tree.leaf_radix, "vectors of a leaf");
  line("int", "interleave", config.interleave, "leaves side by side");
  line("bool", "paired", cpp(config.paired), "two rows ride in one complex transform");
  line("bool", "computed_twiddles", cpp(config.twiddle == Residency::registers),
       "lane twiddles are a scalar times a constant vector");
  const RowPlaces places = row_places(problem);
  const bool gathered = places == RowPlaces::gathered;
  line("bool", "streaming", cpp(config.streaming && !gathered),
       "y is written past the caches where rows are aligned, else fetched ahead");
  const bool gradient = problem.direction == Direction::backward_filter;
  line("bool", "apart", cpp(places == RowPlaces::apart), "rows are not dense: the arguments say where they stand");
  line("bool", "has_pregate", cpp(problem.pregate || (gradient && problem.postgate)), "");
  line("bool", "has_postgate", cpp(problem.postgate), "");
  line("bool", "has_skip", cpp(problem.skip), "");
  line("bool", "gradient", cpp(gradient), "of the filter: dk from u and dy");
  line("bool", "filter_per_example", cpp(problem.sharing == FilterSharing::per_example), "");
  line("bool", "circular_filter", cpp(problem.mode == Mode::circular), "lags are taken modulo L");
  line("index", "filter_len", problem.filter_len, "Lk");
  const bool chunked = config.strategy == Strategy::chunked;
  line("index", "first_lag", first_lag(problem) - (chunked ? least_lag(problem) : 0), "lag of tap 0");
  if (chunked) line("index", "shift", -least_lag(problem), "lags are counted from the least one, this much below 0");
  line("index", "lag_step", lag_step(problem), "from tap to tap");
  if (gathered) text += group_constants(problem, config);
  text += fmt::format("#define FFTCONV_SHARED {}  // by entries for items and for shares of them\n",
                      is_shared(problem, config) ? "static __attribute__((noinline))" : "FFTCONV_INLINE");
  if (is_half(problem.io)) {
    text += fmt::format(
        "\nenum class Type {{ f16, bf16 }};\nconstexpr Type io_type = Type::{};\n#define FFTCONV_NATIVE_HALF {}\n",
        to_string(problem.io), has_half_conversions(arch) ? 1 : 0);
  }
  return text;
}

std::string hex(double value, const Problem& problem) {
  return problem.precision == Precision::f64 ? fmt::format("{:a}", value)
                                             : fmt::format("{:a}f", static_cast<float>(value));
}

std::string root_twiddles(const Problem& problem, const Tree& tree) {
  const std::vector<double> w = twiddles(tree.root_angle, tree.levels[0].radix);
  std::string text = fmt::format(
      "\n// The tree of this transform.\n\n// exp(2 pi i j theta / {}) with theta = {}.\nconstexpr complex "
      "root_twiddle[] "
      "= {{{{1, 0}}",
      tree.levels[0].radix, tree.root_angle);
  for (std::size_t j = 0; j < w.size(); j += 2)
    text += fmt::format(", {{{}, {}}}", hex(w[j], problem), hex(w[j + 1], problem));
  return text + "};\n";
}

/// "The children of one node": a loop over nodes of the next level, or a run of leaves.
std::string descend(const Tree& tree, std::size_t level, const std::string& forward_only, const std::string& node) {
  const int radix = tree.levels[level].radix;
  if (level + 1 == tree.levels.size()) {
    return fmt::format("leaf_run<{}, {}>(z, spectrum, tables + leaf_scalars, tables + leaf_vectors, {}, ahead);\n",
                       forward_only, radix, node == "0" ? "0" : fmt::format("{} * {}", radix, node));
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
        "static void node_{4}(real* z, real* spectrum, const real* tables, index node, const Ahead& ahead) {{\n"
        "  const real* w = tables + {5} + {6} * node;\n"
        "  split<{3}>(z, {7}, {7}, w);\n"
        "  {8}"
        "  if constexpr (!forward_only) join<{3}>(z, {7}, {7}, w);\n}}\n",
        level.nodes, level.nodes == 1 ? "" : "s", level.length, level.radix, i, layout.levels[i],
        2 * (level.radix - 1), stride, descend(tree, i, "forward_only", "node"));
  }
  return text;
}

/// The root's last pass.
std::string finish(const Problem& problem, int radix) {
  if (problem.carry) return fmt::format("    join_carrying<{}>(item, args, z, root_twiddle);\n", radix);
  return fmt::format("    join_root(item, z, 0, Root<{0}>::blocks, past_caches);\n", radix);
}

std::string chunked_entry(const Tree& tree) {
  return fmt::format(
      "\n// Items first .. last - 1 of `source`; z is the worker's scratch, aligned to 64 bytes: 2 * M * rows "
      "numbers "
      "of the\n"
      "// transform and M * rows that a chunk leaves for the next one.\n"
      "template <class Source>\n"
      "FFTCONV_INLINE void convolve_rows(const fftconv_args& args, const Source& source, index first, index last,\n"
      "                                  real* z) {{\n"
      "  const real* tables = (const real*)args.tables;\n"
      "  real* const left = z + length / columns * block;\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    const Item item = item_of(source, number);\n"
      "    const Ahead ahead = {{item, item, false, false}};\n"
      "    real* spectrum = (real*)args.spectrum + item.filter * 2 * length;\n"
      "    for (index i = 0; i < length / columns * lanes; ++i) left[i] = 0;\n"
      "    for (index begin = 0; begin < seqlen + shift; begin += length) {{\n"
      "      split_chunk<{0}>(item, begin, z, root_twiddle);\n"
      "      {1}"
      "      join_chunk<{0}>(item, begin - shift, z, left, root_twiddle);\n"
      "    }}\n"
      "  }}\n"
      "}}\n",
      tree.levels[0].radix, descend(tree, 0, "false", "0"));
}

std::string fused_entry(const Problem& problem, const Tree& tree) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\nFFTCONV_SHARED void split_root(const Item& item, real* z, index first, index last) {{\n"
      "  const Item copy = item;  // in registers: stores to z cannot change it\n"
      "  Root<{0}>::split(copy, z, first, last, root_twiddle);\n"
      "}}\n"
      "FFTCONV_INLINE void join_root(const Item& item, const real* z, index first, index last, bool past_caches) "
      "{{\n"
      "  if (past_caches) Root<{0}>::join<streaming>(item, z, first, last, root_twiddle);\n"
      "  else Root<{0}>::join<false>(item, z, first, last, root_twiddle);\n"
      "}}\n"
      "\n// Items first .. last - 1 of `source`; z is the worker's scratch of 2 * M * rows numbers, aligned to 64 "
      "bytes.\n"
      "template <class Source>\n"
      "FFTCONV_INLINE void convolve_rows(const fftconv_args& args, const Source& source, index first, index last,\n"
      "                                  real* z) {{\n"
      "  const real* tables = (const real*)args.tables;\n"
      "  Item item = item_of(source, first);\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    const bool past_caches = streaming && aligned_rows(item);\n"
      "    const bool more = number + 1 < last;\n"
      "    const Ahead ahead = {{more ? item_of(source, number + 1) : item, item, more, !past_caches}};\n"
      "    real* spectrum = (real*)args.spectrum + item.filter * 2 * length;\n"
      "    split_root(item, z, 0, Root<{0}>::blocks);\n"
      "    {1}"
      "{2}"
      "    item = ahead.next;\n"
      "  }}\n"
      "  if (streaming) finish_streaming();\n"
      "}}\n",
      radix, descend(tree, 0, "false", "0"), finish(problem, radix));
}

std::string spectrum_entry(const Tree& tree) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\n// Spectra of filters first .. last - 1, in the order of the leaves.\n"
      "extern \"C\" void fftconv_spectrum(const fftconv_args* args, index first, index last, real* z) {{\n"
      "  const real* tables = (const real*)args->tables;\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    real* spectrum = (real*)args->spectrum + number * 2 * length;\n"
      "    clear_blocks(z, 0, length / columns);\n"
      "    place_taps((const real*)args->filter + number * filter_len, z, 0, filter_len);\n"
      "    const Ahead ahead = {{}};\n"
      "    split<{0}>(z, {1}, {1}, (const real*)(root_twiddle + 1));\n"
      "    {2}"
      "  }}\n"
      "}}\n",
      radix, tree.length / radix / tree.columns, descend(tree, 0, "true", "0"));
}

/// The entry for work items, after what convolves the rows of a source.
std::string items_entry(const Problem& problem) {
  if (row_places(problem) != RowPlaces::gathered) {
    return "\nstatic void convolve_items(const fftconv_args* args, index first, index last, real* z) {\n"
           "  convolve_rows(*args, *args, first, last, z);\n"
           "}\n";
  }
  return "\n// Groups of rows first .. last - 1; their copies stand in the scratch behind own_scratch numbers.\n"
         "static void convolve_items(const fftconv_args* args, index first, index last, real* z) {\n"
         "  for (index number = first; number < last; ++number) {\n"
         "    const Group group = group_of(*args, number, z);\n"
         "    gather_group(*args, group);\n"
         "    const GroupRows source = {*args, group};\n"
         "    convolve_rows(*args, source, 0, group.channels * items_of_channel(group), z);\n"
         "    scatter_group(*args, group);\n"
         "  }\n"
         "  if (scatter_past_caches) finish_streaming();\n"
         "}\n";
}

/// The transform's nodes and the entries that walk them.
std::string tree_text(const Problem& problem, const KernelConfig& config, const Tree& tree,
                      const TableLayout& layout) {
  const std::string root = root_twiddles(problem, tree) +
                           fmt::format("constexpr index leaf_scalars = {}, leaf_vectors = {};  // in the tables\n",
                                       layout.leaf_scalars, layout.leaf_vectors);
  if (!reads_filter(problem)) return root + gradient_text(tree, layout, row_places(problem));
  const std::string entry = config.strategy == Strategy::chunked ? chunked_entry(tree) : fused_entry(problem, tree);
  const std::string text = root + node_functions(tree, layout) + entry + items_entry(problem) + spectrum_entry(tree);
  return is_shared(problem, config) ? text + share_entries(tree, layout) : text;
}

/// Tables in the type of the arithmetic.
std::vector<std::byte> bytes_of(const std::vector<double>& table, const Problem& problem) {
  std::vector<std::byte> bytes(table.size() * size_of(filter_type(problem)));
  if (problem.precision == Precision::f64) {
    std::memcpy(bytes.data(), table.data(), bytes.size());
    return bytes;
  }
  const std::vector<float> rounded(table.begin(), table.end());
  std::memcpy(bytes.data(), rounded.data(), bytes.size());
  return bytes;
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
  const bool gradient = problem.direction == Direction::backward_filter;
  const bool direct = config.strategy == Strategy::direct;
  const bool shared = is_shared(problem, config);
  for (const char* name : templates_of(problem, config)) {
    Result<std::string> body = template_body(name);
    if (!body) return body.error();
    source.text += '\n' + *body;
  }
  source.text += direct ? items_entry(problem) : tree_text(problem, config, tree, layout);

  const auto width = static_cast<std::int64_t>(size_of(filter_type(problem)));
  const std::int64_t scratch = tree.length * tree.rows * 2 * width;
  const int filters = static_cast<int>(filter_count(problem));
  source.convolution = {
      "fftconv_convolution", {static_cast<int>(work_items(problem, config)), 1, 1}, 1, work_scratch(problem, config)};
  if (!gradient) {
    source.spectrum = {"fftconv_spectrum", {filters, 1, 1}, 1, scratch};
    source.spectrum_bytes = filters * tree.length * 2 * width;
  }
  if (direct) {
    source.spectrum_bytes = filters * problem.filter_len * width;
  }
  if (shared) source.shares = shares_of(problem, tree);
  source.options = compiler_options(device.arch);
  if (!direct) source.tables = bytes_of(make_tables(tree, computed), problem);
  source.digest = sha256(fmt::format("{}\n{}\n{}", source.text, fmt::join(source.options, " "), source.arch));
  return source;
}

}  // namespace fftconv::cpu
