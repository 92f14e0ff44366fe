// Text of a CPU kernel: its constants, the templates, then the tree of this transform, level by level.
#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "backend.h"
#include "cpu/gradient_text.h"
#include "cpu/lags.h"
#include "cpu/node_text.h"
#include "cpu/portable.h"
#include "cpu/root_gap.h"
#include "cpu/row_places.h"
#include "cpu/shares.h"
#include "cpu/sparse_text.h"
#include "cpu/tree.h"
#include "fftconv/sha256.h"
#include "fftconv/sparsity.h"
#include "fftconv/templates.h"

namespace fftconv::cpu {
namespace {

/// After those of the samples, in this order: each uses the ones before it.
constexpr const char* kTemplates[] = {"cpu/dft.h", "cpu/node.h", "cpu/right_angle.h", "cpu/rows.h", "cpu/entry.h"};
/// Of a direct sum, which has no transform.
constexpr const char* kDirect[] = {"cpu/dft.h",   "cpu/node.h",   "cpu/right_angle.h", "cpu/rows.h",
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
std::vector<const char*> templates_of(const Problem& problem, const KernelConfig& config, std::int64_t partitions) {
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
  templates.insert(templates.end(), {partitions > 1 ? "cpu/delay.h" : "cpu/product.h", "cpu/ahead.h", "cpu/leaf.h"});
  if (is_sparse(problem)) templates.push_back("cpu/sparse.h");
  templates.push_back(reads_filter(problem) ? "cpu/filter.h" : "cpu/gradient.h");
  if (problem.carry) templates.push_back("cpu/carry.h");
  if (config.strategy == Strategy::chunked) templates.insert(templates.end(), {"cpu/inside.h", "cpu/chunks.h"});
  if (is_shared(problem, config, partitions)) templates.push_back("cpu/shares.h");
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
  return fmt::format("{} transform of {} = {} points for {}; {} of {} lanes a row{}",
                     config.paired ? "Cyclic, two rows in one complex" : "Right-angle (mod z^M - i)",
                     radices_text(config), tree.length, samples, tree.columns, tree.lanes,
                     is_sparse(problem) ? ".\n// " + pruned_text(problem, tree) : "");
}

std::string header(const Problem& problem, const KernelConfig& config, const Tree& tree, const std::string& arch,
                   std::int64_t partitions) {
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
      "// Expected a sample{}: {:.1f} flop, {:.2f} vector instructions, {:.1f} bytes to and from L1.\n\n",
      family_of(problem), to_string(config), arch, row_places_text(problem), plan_text(problem, config, tree),
      partitions > 1 ? fmt::format(" with the first of the filter's {} partitions", partitions) : "",
      counts.flops / samples, counts.instructions / samples, counts.shared_bytes / samples);
}

const char* cpp(bool value) { return value ? "true" : "false"; }

std::string constants(const Problem& problem, const KernelConfig& config, const Tree& tree, const std::string& arch,
                      std::int64_t partitions) {
  std::string text = fmt::format("using index = long;\nusing real = {};  // all arithmetic\n\n", real_name(problem));
  const auto line = [&](const char* type, const char* name, auto value, const char* comment) {
    text += fmt::format("constexpr {} {} = {};{}{}\n", type, name, value, *comment ? "  // " : "", comment);
  };
  line("int", "lanes", tree.lanes, "elements of a vector");
  line("int", "rows", tree.rows, "rows side by side in a vector");
  line("int", "columns", tree.columns, "neighbouring samples of one row in a vector");
  line("index", "seqlen", problem.seqlen, "L");
  line("index", "length", tree.length, "M, points of the transform");
  line("index", "root_gap", root_gap(problem, config),
       "blocks between the root's parts: whole pages would be alike to caches");
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
  if (gradient) text += gradient_constants(tree);
  line("bool", "filter_per_example", cpp(problem.sharing == FilterSharing::per_example), "");
  line("bool", "circular_filter", cpp(problem.mode == Mode::circular), "lags are taken modulo L");
  line("index", "filter_len", problem.filter_len, "Lk");
  if (partitions > 1) {
    line("index", "partitions", partitions, "filters of so many taps, each a block later than the one before");
  }
  const bool chunked = config.strategy == Strategy::chunked;
  line("index", "first_lag", first_lag(problem) - (chunked ? least_lag(problem) : 0), "lag of tap 0");
  if (chunked) {
    line("index", "shift", -least_lag(problem), "lags are counted from the least one, this much below 0");
    line("index", "least_chunks", kLeastChunks, "of a work item");
    line("index", "enough_runs", kEnoughRuns, "work items of all rows");
  }
  line("index", "lag_step", lag_step(problem), "from tap to tap");
  if (gathered) text += group_constants(problem, config);
  if (is_sparse(problem)) text += sparse_constants(problem, tree);
  text += fmt::format("#define FFTCONV_SHARED {}  // by entries for items and for shares of them\n",
                      is_shared(problem, config, partitions) ? "static __attribute__((noinline))" : "FFTCONV_INLINE");
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

/// The root's last pass.
std::string finish(const Problem& problem, int radix) {
  if (problem.carry) {
    return fmt::format("    join_carrying<{0}>(item, args, z, 0, Root<{0}>::blocks, root_twiddle);\n", radix);
  }
  return fmt::format("    join_root(item, z, 0, Root<{0}>::blocks, past_caches);\n", radix);
}

std::string chunked_entry(const Tree& tree, const WalkText& walk) {
  return fmt::format(
      "\n// Items first .. last - 1 of `source`; z is the worker's scratch, aligned to 64 bytes: 2 * M * rows "
      "numbers of the\n"
      "// transform and M * rows that a chunk leaves for the next one.\n"
      "template <class Source>\n"
      "FFTCONV_INLINE void convolve_rows(const fftconv_args& args, const Source& source, index first, index last,\n"
      "                                  real* z) {{\n"
      "  const real* tables = (const real*)args.tables;\n"
      "  real* const left = z + length / columns * block;\n"
      "  const index runs = runs_of(source);\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    const Item item = item_of(source, number / runs);\n"
      "    const index run = number % runs, begin = run * chunks / runs, end = (run + 1) * chunks / runs;\n"
      "    const Ahead ahead = {{item, item, false, false, {{}}}};\n"
      "    real* spectrum = spectrum_of(args, item.filter);\n"
      "    if (run == 0) {{\n"
      "      for (index i = 0; i < length / columns * lanes; ++i) left[i] = 0;\n"
      "    }}\n"
      "    // Whoever begins in the middle of a row makes again what the chunk before leaves.\n"
      "    for (index chunk = run > 0 && number == first ? begin - 1 : begin; chunk < end; ++chunk) {{\n"
      "      split_chunk<{0}>(item, chunk * length, z, root_twiddle);\n"
      "      {1}"
      "      join_chunk<{0}>(item, chunk * length - shift, chunk >= begin, z, left, root_twiddle);\n"
      "    }}\n"
      "  }}\n"
      "}}\n",
      tree.levels[0].radix, walk.root("false", "      "));
}

std::string fused_entry(const Problem& problem, const KernelConfig& config, const Tree& tree, const WalkText& walk) {
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
      "\n// Items first .. last - 1 of `source`; z is the worker's scratch, aligned to 64 bytes.\n"
      "template <class Source>\n"
      "FFTCONV_INLINE void convolve_rows(const fftconv_args& args, const Source& source, index first, index last,\n"
      "                                  real* z) {{\n"
      "  const real* tables = (const real*)args.tables;\n"
      "  Item item = item_of(source, first);\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    const bool past_caches = streaming && aligned_rows(item);\n"
      "    const bool more = number + 1 < last;\n"
      "    const Ahead ahead = {{more ? item_of(source, number + 1) : item, item, more, !past_caches,\n"
      "                         history_of(args, number)}};\n"
      "    real* spectrum = spectrum_of(args, item.filter);\n"
      "{3}"
      "    split_root(item, z, 0, Root<{0}>::blocks);\n"
      "    {1}"
      "{2}"
      "    item = ahead.next;\n"
      "  }}\n"
      "  if (streaming) finish_streaming();\n"
      "}}\n",
      radix, walk.root("false", "    ", "z", root_gap(problem, config)), finish(problem, radix),
      problem.carry ? "    keep_carry(item, args, z, 0, 1, 1);\n" : "");
}

std::string spectrum_entry(const Problem& problem, const Tree& tree, const WalkText& walk) {
  const int radix = tree.levels[0].radix;
  return fmt::format(
      "\n// Spectra of filters first .. last - 1, in the order of the leaves.\n"
      "FFTCONV_ENTRY void fftconv_spectrum(const fftconv_args* args, index first, index last, real* z) {{\n"
      "  const real* tables = (const real*)args->tables;\n"
      "  for (index number = first; number < last; ++number) {{\n"
      "    real* spectrum = made_spectrum(*args, number);\n"
      "    clear_blocks(z, 0, length / columns);\n"
      "    place_taps((const real*)args->filter + number * filter_len, z, 0, filter_len);\n"
      "    const Ahead ahead = {{}};\n"
      "    split<{0}>(z, {1}, {1}, (const real*)(root_twiddle + 1));\n"
      "    {2}"
      "{3}"
      "  }}\n"
      "}}\n",
      radix, tree.length / radix / tree.columns, walk.root("true", "    "),
      is_sparse(problem) ? "    drop<columns>(spectrum, 0, leaf_count);\n" : "");
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
std::string tree_text(const Problem& problem, const KernelConfig& config, const Tree& tree, const TableLayout& layout,
                      std::int64_t partitions) {
  const std::string root = root_twiddles(problem, tree) +
                           fmt::format("constexpr index leaf_scalars = {}, leaf_vectors = {};  // in the tables\n",
                                       layout.leaf_scalars, layout.leaf_vectors);
  const PrunedTree pruned = pruned_tree(problem, tree);
  if (!reads_filter(problem)) return root + gradient_text(tree, pruned, layout, row_places(problem));
  const WalkText walk(tree, pruned, kConvolution);
  const std::string entry =
      config.strategy == Strategy::chunked ? chunked_entry(tree, walk) : fused_entry(problem, config, tree, walk);
  const std::string text =
      root + walk.functions(layout) + entry + items_entry(problem) + spectrum_entry(problem, tree, walk);
  return is_shared(problem, config, partitions) ? text + share_entries(problem, tree, pruned, layout) : text;
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
  if (arch.starts_with("x86-64"))
    options.insert(options.end(), {"-mprefer-vector-width=512", "-mstack-alignment=64"});
  return options;
}

Result<void> check_partitions(const Problem& problem, const KernelConfig& config, std::int64_t partitions) {
  if (problem.mode != Mode::causal || problem.direction != Direction::forward ||
      problem.filter_len != problem.seqlen || problem.carry != (problem.seqlen > 1)) {
    return unsupported(
        "Filters in partitions are for blocks of streams: causal, forward, with carry, and taps as many as samples.");
  }
  if (config.strategy != Strategy::fused || config.compiler == CompilerId::none) {
    return unsupported("Filters in partitions need a kernel that is fused and compiled: use strategy fused, clang.");
  }
  if (row_places(problem) == RowPlaces::gathered) {
    return unsupported(
        "Streams with filters longer than a block need rows of neighbouring samples: use sample stride 1, or longer "
        "blocks.");
  }
  if (partitions > std::numeric_limits<int>::max() / filter_count(problem)) {
    return unsupported(fmt::format("{} partitions of {} filters are more than one launch takes: use longer blocks.",
                                   partitions, filter_count(problem)));
  }
  return {};
}

}  // namespace

Result<KernelSource> emit(const Problem& problem, const KernelConfig& config, const DeviceFacts& device,
                          std::int64_t partitions) {
  if (Result<void> legal = cpu::check_legal(problem, config, device); !legal) return legal.error();
  if (partitions > 1) {
    if (Result<void> legal = check_partitions(problem, config, partitions); !legal) return legal.error();
  }
  if (config.compiler == CompilerId::none) return describe_portable(problem, config, device);
  const Tree tree = tree_of(config);
  const bool computed = config.twiddle == Residency::registers;
  const TableLayout layout = table_layout(tree, computed);

  KernelSource source;
  source.problem = problem;
  source.config = config;
  source.arch = device.arch;
  source.partitions = partitions;
  source.text = header(problem, config, tree, device.arch, partitions) +
                constants(problem, config, tree, device.arch, partitions);
  const bool gradient = problem.direction == Direction::backward_filter;
  const bool direct = config.strategy == Strategy::direct;
  const bool shared = is_shared(problem, config, partitions);
  for (const char* name : templates_of(problem, config, partitions)) {
    Result<std::string> body = template_body(name);
    if (!body) return body.error();
    source.text += '\n' + *body;
  }
  source.text += direct ? items_entry(problem) : tree_text(problem, config, tree, layout, partitions);

  const auto width = static_cast<std::int64_t>(size_of(filter_type(problem)));
  const std::int64_t scratch = tree.length * tree.rows * 2 * width;
  const int filters = static_cast<int>(filter_count(problem));
  std::int64_t items = work_items(problem, config);
  if (config.strategy == Strategy::chunked && row_places(problem) != RowPlaces::gathered) {
    items *= chunk_runs(problem, tree.length, items);
  }
  source.convolution = {"fftconv_convolution", {static_cast<int>(items), 1, 1}, 1, work_scratch(problem, config)};
  if (gradient) {
    source.shares = gradient_shares(problem, config, tree);
  } else {
    const auto spectra = static_cast<int>(filters * partitions);
    source.spectrum = {"fftconv_spectrum", {spectra, 1, 1}, 1, scratch};
    source.spectrum_bytes = spectra * tree.length * 2 * width;
  }
  if (partitions > 1) source.history_bytes = items * partitions * scratch;
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
