#include "cpu/portable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "cpu/tree.h"
#include "fftconv/portable_shape.h"
#include "fftconv/sha256.h"

namespace fftconv::cpu {
namespace {

PortableShape shape_of(const Problem& problem, const KernelConfig& config, const Tree& tree) {
  const bool computed = config.twiddle == Residency::registers;
  const TableLayout layout = table_layout(tree, computed);
  PortableShape shape;
  shape.seqlen = problem.seqlen;
  shape.filter_len = problem.filter_len;
  shape.first_lag = first_lag(problem);
  shape.lag_step = lag_step(problem);
  shape.length = tree.length;
  shape.io = problem.io;
  shape.circular = problem.mode == Mode::circular;
  shape.pregate = problem.pregate;
  shape.postgate = problem.postgate;
  shape.skip = problem.skip;
  shape.filter_per_example = problem.sharing == FilterSharing::per_example;
  shape.computed_twiddles = computed;
  shape.lanes = tree.lanes;
  shape.leaf_radix = tree.leaf_radix;
  shape.levels = static_cast<int>(tree.levels.size());
  for (std::size_t i = 0; i < tree.levels.size(); ++i) {
    shape.radices[i] = tree.levels[i].radix;
    shape.twiddles[i] = layout.levels[i];
  }
  shape.leaf_scalars = layout.leaf_scalars;
  shape.leaf_scalars_each = layout.leaf_scalars_each;
  shape.leaf_vectors = layout.leaf_vectors;
  shape.leaf_vectors_each = layout.leaf_vectors_each;
  std::ranges::transform(twiddles(tree.root_angle, tree.levels[0].radix), shape.root_twiddles,
                         [](double w) { return static_cast<float>(w); });
  return shape;
}

/// The problem as far as the kernel depends on it: one serves every batch and number of channels.
Problem family_of(Problem problem) {
  problem.batch = problem.channels = problem.groups = 1;
  problem.strides = {};
  return problem;
}

}  // namespace

KernelSource describe_portable(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  const Tree tree = tree_of(config);
  const PortableShape shape = shape_of(problem, config, tree);
  const std::vector<double> exact = make_tables(tree, shape.computed_twiddles);
  const std::vector<float> tables(exact.begin(), exact.end());
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(float));
  const std::int64_t transform = 2 * tree.length * bytes;
  // Beside the transform: one row in fp32, padded to whole vectors.
  const std::int64_t row = (problem.seqlen + tree.lanes - 1) / tree.lanes * tree.lanes * bytes;

  KernelSource source;
  source.problem = problem;
  source.config = config;
  source.arch = device.arch;
  source.text = fmt::format(
      "// Long convolution on a CPU by the portable kernel, which was built with the library: there is nothing to\n"
      "// compile. Its shape is data, at the head of its tables.\n"
      "//   problem  {}, for any batch and number of channels\n"
      "//   config   {}\n"
      "//   host     {}\n"
      "// Right-angle transform (mod z^M - i) of {} points for {} samples; {} vectors of {} lanes a leaf.\n",
      to_string(family_of(problem)), to_string(config), device.arch, tree.length, problem.seqlen, tree.leaf_radix,
      tree.lanes);
  source.convolution = {
      "fftconv_convolution", {static_cast<int>(problem.batch * problem.channels), 1, 1}, 1, transform + row};
  source.spectrum = {"fftconv_spectrum", {static_cast<int>(filter_count(problem)), 1, 1}, 1, transform};
  source.tables.resize(sizeof shape + tables.size() * sizeof(float));
  std::memcpy(source.tables.data(), &shape, sizeof shape);
  std::memcpy(source.tables.data() + sizeof shape, tables.data(), tables.size() * sizeof(float));
  source.spectrum_bytes = filter_count(problem) * transform;
  source.digest = sha256(fmt::format("{}\n{}", source.text, source.arch));
  return source;
}

}  // namespace fftconv::cpu
