// The search space of the CPU: shapes (lanes, rows, leaf, radices) by estimated work, and for the best of them what
// only a clock can decide.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend.h"
#include "cpu/factor.h"
#include "cpu/lags.h"
#include "cpu/tree.h"
#include "fftconv/sparsity.h"

namespace fftconv::cpu {
namespace {

constexpr std::size_t kShapes = 72;              ///< shapes at most
constexpr std::size_t kFewShapes = 40;           ///< so many whatever their work
constexpr double kMostWork = 1.6;                ///< of a shape, over the least of all
constexpr std::ptrdiff_t kLeastOfKind = 2;       ///< shapes of each kind, whatever their work
constexpr std::int64_t kTableLength = 1 << 16;   ///< up to here lane twiddles come from a table by default
constexpr std::int64_t kLongestTable = 1 << 19;  ///< beyond it such a table is not worth its memory
constexpr std::int64_t kMostTaps = 64;           ///< of a filter that may be faster without a transform
constexpr std::int64_t kShortestChunk = 256, kLongestChunk = 1 << 15;
constexpr int kChunkLengths = 5;                  ///< powers of two, from what the filter needs
constexpr std::int64_t kSharedScratch = 1 << 20;  ///< bytes: several rows in a vector must stay in a core's cache

/// Elements of the arithmetic's type in the widest vector.
int widest_lanes(const Problem& problem, const DeviceFacts& device) {
  const int floats = std::max(4, device.vector_lanes);
  return problem.precision == Precision::f64 ? floats / 2 : floats;
}

/// Vector registers of the instruction set.
int registers(const DeviceFacts& device) { return device.vector_lanes == 8 ? 16 : 32; }

/// How many leaves may go side by side: one alone leaves units idle, where it is small; many spill.
std::vector<int> interleaves(const KernelConfig& config, const DeviceFacts& device) {
  const int vectors = 2 * config.radices.back() / (config.lanes / config.rows);
  std::vector<int> counts;
  for (int count : {1, 2, 4}) {
    const int live = count * vectors;
    const int most = count > 2 ? registers(device) / 2 : registers(device);
    if (4 * live > registers(device) && live <= most) counts.push_back(count);
  }
  return counts.empty() ? std::vector{1} : counts;
}

KernelConfig plain(int lanes, int rows, bool paired, std::vector<int> radices) {
  KernelConfig config;
  config.radices = std::move(radices);
  config.engine = Engine::vector;
  config.compiler = CompilerId::clang;
  config.lanes = lanes;
  config.rows = rows;
  config.paired = paired;
  config.interleave = 1;
  config.twiddle = transform_length(config) > kTableLength ? Residency::registers : Residency::memory;
  return config;
}

/// Sizes that a leaf may have, the plain one first.
std::vector<int> leaf_sizes(int columns) {
  if (columns == 1) return {4, 5, 3, 2, 7, 8, 1};
  return columns == 2 ? std::vector<int>{4, 8, 16} : std::vector<int>{4 * columns, 8 * columns};
}

/// Configs of the shortest few transforms with the given vectors.
void add_lengths(std::int64_t needed, bool exact, int lanes, int rows, bool paired,
                 std::vector<KernelConfig>& shapes) {
  for (int leaf : leaf_sizes(lanes / rows)) {
    if (exact && needed % leaf != 0) continue;
    const std::int64_t least = (needed + leaf - 1) / leaf;
    int lengths = 0;
    for (std::int64_t product : smooth_numbers(least, exact ? least : 2 * least)) {
      if (++lengths > 4) break;
      for (std::vector<int>& radices : radix_orders(product)) {
        radices.push_back(leaf);
        shapes.push_back(plain(lanes, rows, paired, std::move(radices)));
      }
    }
  }
}

/// Of the transform that a frequency-sparse filter is sparse in: also those with a level that ends with its first
/// digit, so that the nodes below are pruned as near to the root as may be.
void add_sparse(const Problem& problem, int lanes, int rows, std::vector<KernelConfig>& shapes) {
  const std::int64_t length = sparsity_length(problem), first = frequency_digits(problem).front().size;
  add_lengths(length, true, lanes, rows, false, shapes);
  for (int leaf : leaf_sizes(lanes / rows)) {
    if (length % leaf != 0) continue;
    for (std::vector<int>& radices : radix_orders_from(first, length / leaf)) {
      radices.push_back(leaf);
      KernelConfig shape = plain(lanes, rows, false, std::move(radices));
      if (std::ranges::find(shapes, shape) == shapes.end()) shapes.push_back(std::move(shape));
    }
  }
}

void add_shapes(const Problem& problem, int lanes, int rows, bool paired, std::vector<KernelConfig>& shapes) {
  if (is_sparse(problem)) {
    if (!paired) add_sparse(problem, lanes, rows, shapes);
    return;
  }
  add_lengths(needed_length(problem, paired), paired && problem.mode == Mode::circular, lanes, rows, paired, shapes);
}

/// Chunks from a few times the filter's length to what a core's cache holds.
void add_chunks(const Problem& problem, int lanes, int rows, std::vector<KernelConfig>& shapes) {
  const std::size_t first = shapes.size();
  std::int64_t length = kShortestChunk;
  while (length < problem.filter_len) length *= 2;
  for (int i = 0; i < kChunkLengths && length < problem.seqlen && length <= kLongestChunk; ++i, length *= 2) {
    for (int leaf : leaf_sizes(lanes / rows)) {
      if (length % leaf != 0) continue;
      for (std::vector<int>& radices : radix_orders(length / leaf)) {
        radices.push_back(leaf);
        shapes.push_back(plain(lanes, rows, false, std::move(radices)));
      }
    }
  }
  for (std::size_t i = first; i < shapes.size(); ++i) shapes[i].strategy = Strategy::chunked;
}

struct Shape {
  KernelConfig config;
  double work = 0;
};

/// Vector instructions, a little more for the wider butterflies that spill and for leaving the core's cache.
double estimated_work(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  const KernelCounts counts = cpu::count(problem, config, device);
  const bool wide = std::ranges::any_of(config.radices.begin(), config.radices.end() - 1,
                                        [&](int radix) { return 4 * radix > registers(device); }) ||
                    4 * config.radices.back() > registers(device) * (config.lanes / config.rows);
  return counts.instructions * (wide ? 1.1 : 1.0) * (counts.shared_per_block > kSharedScratch ? 1.2 : 1.0);
}

/// The same shape for what makes kernels on `device`.
KernelConfig made_for(KernelConfig config, const DeviceFacts& device) {
  if (device.compiles) return config;
  config.compiler = CompilerId::none;
  config.interleave = 1;
  return config;
}

std::vector<Shape> shapes_by_work(const Problem& problem, const DeviceFacts& device) {
  std::vector<KernelConfig> configs;
  const int widest = widest_lanes(problem, device);
  for (int lanes : {widest, widest / 2}) {
    if (lanes < std::min(4, widest)) continue;
    for (int rows : lanes > 4 ? std::vector{1, lanes / 4, lanes} : std::vector{1, lanes}) {
      if (rows > 1 && rows >= 2 * problem.batch) continue;
      if (rows < lanes && !is_sparse(problem)) add_chunks(problem, lanes, rows, configs);
      if (rows > 1 &&
          problem.seqlen * rows * 2 * static_cast<std::int64_t>(size_of(filter_type(problem))) > kSharedScratch)
        continue;
      for (bool paired : {false, true}) {
        if (!paired || problem.batch > 1) add_shapes(problem, lanes, rows, paired, configs);
      }
    }
  }
  std::vector<Shape> shapes;
  for (KernelConfig& shape : configs) {
    KernelConfig config = made_for(std::move(shape), device);
    if (!cpu::check_legal(problem, config, device)) continue;
    const double work = estimated_work(problem, config, device);
    shapes.push_back({std::move(config), work});
  }
  std::ranges::stable_sort(shapes, {}, &Shape::work);
  return shapes;
}

/// Those that may be the fastest by their work, and a few of each kind, so that a wrong estimate does not hide a
/// kind.
std::vector<KernelConfig> chosen_shapes(const Problem& problem, const DeviceFacts& device) {
  std::vector<KernelConfig> chosen;
  const std::vector<Shape> shapes = shapes_by_work(problem, device);
  for (const Shape& shape : shapes) {
    const auto alike = [&](const KernelConfig& other) {
      return other.lanes == shape.config.lanes && other.rows == shape.config.rows &&
             other.paired == shape.config.paired && other.strategy == shape.config.strategy;
    };
    const bool likely =
        chosen.size() < kFewShapes || (shape.work <= kMostWork * shapes.front().work && chosen.size() < kShapes);
    if (likely || std::ranges::count_if(chosen, alike) < kLeastOfKind) chosen.push_back(shape.config);
  }
  return chosen;
}

/// Sums over the taps of a filter that is short.
std::vector<KernelConfig> direct_sums(const Problem& problem, const DeviceFacts& device) {
  std::vector<KernelConfig> configs;
  if (problem.filter_len > kMostTaps || is_sparse(problem)) return configs;
  for (int lanes : {widest_lanes(problem, device), widest_lanes(problem, device) / 2}) {
    for (int piece : {512, 4096}) {
      for (int interleave : {1, 2, 4}) {
        KernelConfig config = plain(lanes, 1, false, {piece});
        config.strategy = Strategy::direct;
        config.interleave = interleave;
        for (bool streaming : {false, true}) {
          config.streaming = streaming;
          configs.push_back(config);
        }
      }
    }
  }
  return configs;
}

}  // namespace

std::vector<KernelConfig> candidates(const Problem& problem, const DeviceFacts& device) {
  std::vector<KernelConfig> configs;
  const auto add = [&](const KernelConfig& config) {
    if (std::ranges::find(configs, config) == configs.end() && cpu::check_legal(problem, config, device)) {
      configs.push_back(config);
    }
  };
  if (Result<KernelConfig> config = cpu::default_config(problem, device)) add(*config);
  for (const KernelConfig& config : direct_sums(problem, device)) add(config);
  for (KernelConfig config : chosen_shapes(problem, device)) {
    const bool along_lanes = config.rows < config.lanes;
    const bool either_twiddle = along_lanes && transform_length(config) <= kLongestTable;
    const Residency usual = config.twiddle;
    const Residency other = usual == Residency::memory ? Residency::registers : Residency::memory;
    for (int interleave : device.compiles ? interleaves(config, device) : std::vector{1}) {
      config.interleave = interleave;
      for (Residency twiddle : {usual, other}) {
        if (twiddle != usual && !either_twiddle) continue;
        config.twiddle = twiddle;
        for (bool streaming : {false, true}) {
          config.streaming = streaming;
          add(config);
        }
      }
    }
  }
  return configs;
}

Result<KernelConfig> default_config(const Problem& problem, const DeviceFacts& device) {
  std::vector<KernelConfig> configs;
  const int lanes = widest_lanes(problem, device);
  add_shapes(problem, lanes, 1, false, configs);
  const KernelConfig* best = nullptr;
  for (KernelConfig& config : configs) {
    if (config.radices.back() != 4 * lanes) continue;  // the plain leaf
    config.interleave = interleaves(config, device).front();
    config = made_for(std::move(config), device);
    const Result<void> legal = cpu::check_legal(problem, config, device);
    if (!legal) return legal.error();
    if (!best || estimated_work(problem, config, device) < estimated_work(problem, *best, device)) best = &config;
  }
  if (!best) return unsupported(fmt::format("No CPU kernel computes {}.", to_string(problem)));
  return *best;
}

}  // namespace fftconv::cpu
