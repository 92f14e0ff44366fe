// Work of one launch, pass by pass. An instruction handles one vector; a fused multiply-add is two operations.
#include <algorithm>

#include "backend.h"
#include "cpu/gradient_text.h"
#include "cpu/lags.h"
#include "cpu/pruned.h"
#include "cpu/row_places.h"
#include "cpu/shares.h"
#include "cpu/tree.h"

namespace fftconv::cpu {
namespace {

struct Work {
  double adds = 0;  ///< vector additions, subtractions, multiplications
  double fmas = 0;
  double moves = 0;  ///< loads, stores, shuffles, conversions
  double bytes = 0;  ///< to and from L1
  Work& operator+=(const Work& w) {
    adds += w.adds, fmas += w.fmas, moves += w.moves, bytes += w.bytes;
    return *this;
  }
  Work operator*(double n) const { return {adds * n, fmas * n, moves * n, bytes * n}; }
  Work operator+(Work w) const { return w += *this; }
};

/// A DFT of `radix` complex vectors, with twiddles for all but the first: a node's way back, and most ways there.
Work butterfly(int radix) {
  const int half = radix / 2;
  const double twiddles = radix - 1;
  Work work{.adds = 2 * twiddles, .fmas = 2 * twiddles};
  if (radix == 2) work.adds += 4;
  if (radix == 4) work.adds += 16;
  if (radix == 8) work.adds += 52, work.fmas += 4;
  if (radix % 2 == 1) work += {.adds = 10.0 * half, .fmas = 4.0 * half * half};
  return work;
}

/// Leaves and nodes on the way there: twiddle_four() and twiddled_dft_of_eight() of templates/cpu/dft.h.
Work leaf_split(int radix) { return radix == 4 ? Work{.adds = 16, .fmas = 10} : butterfly(radix); }
Work node_split(int radix) { return radix == 8 ? Work{.adds = 46, .fmas = 30} : leaf_split(radix); }

/// The root there and back. Real input and output are half of the arithmetic, and of some radices less:
/// templates/cpu/right_angle.h.
Work root_work(int radix, bool paired) {
  if (paired) return leaf_split(radix) + butterfly(radix);
  if (radix == 2) return {.adds = 5, .fmas = 3};
  if (radix == 4) return {.adds = 25, .fmas = 13};
  if (radix == 8) return {.adds = 85, .fmas = 33};
  return butterfly(radix);
}

Work complex_moves(double vectors, double vector_bytes) {
  return {.moves = 2 * vectors, .bytes = 2 * vectors * vector_bytes};
}

/// Rows that are gathered: every sample is loaded, transposed and stored once more, through the core's cache. Where
/// channels are no neighbours, a line of memory is fetched for each sample.
void add_copies(const Problem& problem, const KernelConfig& config, KernelCounts& counts) {
  if (row_places(problem) != RowPlaces::gathered) return;
  const auto size = static_cast<double>(size_of(problem.io));
  const double tensors = 2 + problem.pregate + problem.postgate;
  const double moved =
      tensors * static_cast<double>(problem.batch) * static_cast<double>(problem.channels * problem.seqlen);
  const RowStrides strides = row_strides(problem);
  const bool neighbours = strides.channel == 1;
  constexpr double square = 16, moves = 6;  // a load, a store and four shuffles for each vector of a square
  counts.instructions += moved * (neighbours ? moves / square : 2);
  counts.shared_bytes += 2 * moved * size;
  counts.l2_bytes += 2 * moved * size;
  if (!neighbours) {
    const double line = std::min(64.0, static_cast<double>(strides.sample) * size);
    counts.memory_bytes += moved * (line - size);
  }
  counts.shared_per_block = work_scratch(problem, config);
}

/// The passes of all nodes of one level below the root, there and back. A DFT of which children are dropped saves
/// their part of its last stages, about half of its work.
Work passes_of(const Level& level, const std::vector<NodeKind>& kinds, int columns, double vector_bytes) {
  const std::int64_t stride = level.length / level.radix / columns;  // complex vectors of a part
  Work work;
  for (const NodeKind& kind : kinds) {
    const double parts = static_cast<double>(stride * kind.nodes), kept = kept_children(kind);
    const Work both = node_split(level.radix) + butterfly(level.radix);
    work += both * (parts * (0.5 + 0.5 * kept / level.radix));
    work += complex_moves(2 * parts * (level.radix + kept), vector_bytes);
  }
  return work;
}

/// A load and a multiply-add for each tap, and the way through the scratch.
KernelCounts count_direct(const Problem& problem, const KernelConfig& config) {
  const double sample = static_cast<double>(size_of(problem.io));
  const auto number = static_cast<double>(size_of(filter_type(problem)));  // bytes
  const double rows = static_cast<double>(problem.batch) * static_cast<double>(problem.channels);
  const std::int64_t row_vectors = (problem.seqlen + config.lanes - 1) / config.lanes;
  const double vectors = rows * static_cast<double>(row_vectors);
  const double taps = static_cast<double>(problem.filter_len);
  const int tensors = 2 + problem.pregate + problem.postgate;
  const double converts = problem.io == DataType::f16 ? 2 : problem.io == DataType::bf16 ? 4 : 1;
  const double samples = rows * static_cast<double>(problem.seqlen);
  KernelCounts counts;
  counts.flops = vectors * config.lanes * (number / 4) * (2 * taps + (tensors - 2) + 2 * problem.skip);
  counts.arithmetic = vectors * (taps + tensors - 2 + problem.skip);
  counts.instructions = vectors * (2 * taps + 1 + (tensors + problem.skip) * converts);
  counts.shared_bytes = vectors * config.lanes * (number * (taps + 1) + (tensors + problem.skip) * sample);
  counts.memory_bytes = samples * sample * tensors + static_cast<double>(filter_count(problem)) * taps * number;
  counts.complex_points = samples;
  counts.threads = 1;
  counts.blocks = work_items(problem, config);
  counts.shared_per_block =
      (transform_length(config) + problem.filter_len + 2 * config.lanes) * static_cast<std::int64_t>(number);
  add_copies(problem, config, counts);
  return counts;
}

}  // namespace

KernelCounts count(const Problem& problem, const KernelConfig& config, const DeviceFacts&) {
  if (config.strategy == Strategy::direct) return count_direct(problem, config);
  const Tree tree = tree_of(config);
  const auto number = static_cast<double>(size_of(filter_type(problem)));  // bytes
  const double bytes = number * tree.lanes, sample = static_cast<double>(size_of(problem.io));
  const double vectors = static_cast<double>(tree.length) / tree.columns;  // complex, of one transform
  const int item_rows = config.paired ? 2 * config.rows : config.rows;
  const std::int64_t groups = (problem.batch + item_rows - 1) / item_rows;
  const double items = static_cast<double>(groups) * static_cast<double>(problem.channels);

  // The root: one stream of complex loads or stores each way.
  const int root = tree.levels[0].radix;
  Work item = root_work(root, config.paired) * (vectors / root);
  item += complex_moves(2 * vectors, bytes);
  const double row_vectors = static_cast<double>(problem.seqlen) / tree.columns * (config.paired ? 2 : 1);
  const int streams = 2 + problem.pregate + problem.postgate + problem.skip;
  const double state = static_cast<double>(carry_len(problem)) * tree.rows * (config.paired ? 2 : 1);
  // Blocks kept for the tail, the tail copied out, the one before added.
  if (problem.carry) item += complex_moves(vectors, bytes);
  item += {.adds = state / tree.lanes, .moves = 3 * state / tree.lanes, .bytes = 3 * number * state};
  const double converts = problem.io == DataType::f16 ? 2 : problem.io == DataType::bf16 ? 4 : 1;
  const double joins = tree.rows > 1 ? tree.rows : 1;  // parts of a vector come row by row
  const Work rows_work = {.adds = row_vectors * (streams - 2),
                          .moves = row_vectors * streams * (converts + joins - 1),
                          .bytes = row_vectors * streams * tree.lanes * sample};
  item += rows_work;

  const PrunedTree pruned = pruned_tree(problem, tree);
  for (std::size_t i = 1; i < tree.levels.size(); ++i) {
    item += passes_of(tree.levels[i], pruned.levels[i], tree.columns, bytes);
  }

  Work leaf = leaf_split(tree.leaf_radix) + butterfly(tree.leaf_radix);
  leaf += complex_moves(2 * tree.leaf_radix, bytes);
  for (int radix : tree.lane_radices) {
    const double butterflies = static_cast<double>(tree.leaf_radix) / radix;
    leaf += (leaf_split(radix) + butterfly(radix)) * butterflies;
    leaf += {.moves = 2.0 * 2 * tree.leaf_radix * (radix == 4 ? 2 : 1)};  // two-input shuffles, both ways
    const double twiddles = butterflies * (radix - 1);
    leaf += complex_moves(2 * twiddles, number * tree.columns);
    if (config.twiddle == Residency::registers) leaf += {.adds = 4 * twiddles, .fmas = 4 * twiddles};
  }
  leaf += {.adds = 2.0 * tree.leaf_radix, .fmas = 2.0 * tree.leaf_radix};  // times the filter
  leaf += complex_moves(tree.leaf_radix, number * tree.columns);
  item += leaf * static_cast<double>(pruned.leaves);

  // Two transforms forward cost what one forward and one back do; the products are kept, and each filter has one more
  // way back.
  const double filters = static_cast<double>(filter_count(problem));
  const bool gradient = problem.direction == Direction::backward_filter;
  const bool chunked = config.strategy == Strategy::chunked;
  const double transforms = chunked ? static_cast<double>(chunk_count(problem, tree.length)) : 1;  // of an item
  item = item * transforms;
  item += rows_work * (1 - transforms);  // samples are read and written once
  Work all = item * (gradient ? items + filters / 2 : items);
  if (gradient) all += complex_moves(2 * vectors, bytes) * items;

  KernelCounts counts;
  counts.flops = tree.lanes * (number / 4) * (all.adds + 2 * all.fmas);  // as fp32 would do in the time
  counts.arithmetic = all.adds + all.fmas;
  counts.instructions = counts.arithmetic + all.moves;
  counts.shared_bytes = all.bytes;
  const double samples = static_cast<double>(problem.batch) * static_cast<double>(problem.channels * problem.seqlen);
  const double computed = static_cast<double>(pruned.leaves) / static_cast<double>(tree.leaves);
  const double taps =  // or their spectrum
      gradient ? static_cast<double>(problem.filter_len) : 2 * static_cast<double>(tree.length) * computed;
  counts.memory_bytes = samples * sample * (2 + problem.pregate + problem.postgate) + filters * taps * number;
  counts.memory_bytes += 2 * number * static_cast<double>(problem.batch * problem.channels * carry_len(problem));
  const double layouts =
      vectors * 2 * bytes + static_cast<double>(table_layout(tree, false).total) * number * computed;
  counts.l2_bytes = items * layouts;  // scratch, tables: once a work item
  counts.complex_points = items * transforms * static_cast<double>(tree.length) * tree.rows;
  counts.threads = 1;
  counts.shared = is_shared(problem, config) || !gradient_shares(problem, config, tree).convolution.empty();
  counts.blocks = work_items(problem, config);
  counts.shared_per_block = tree.length * tree.rows *
                            (gradient  ? 6
                             : chunked ? 3
                                       : 2) *
                            static_cast<std::int64_t>(number);
  add_copies(problem, config, counts);
  return counts;
}

}  // namespace fftconv::cpu
