#include "cpu/row_places.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/gradient_text.h"
#include "cpu/root_gap.h"
#include "cpu/tree.h"

namespace fftconv::cpu {
namespace {

constexpr std::int64_t kLine = 64;                ///< bytes of a cache line, which neighbouring channels share
constexpr std::int64_t kCached = 256 << 10;       ///< bytes of copies that stay in a core's cache beside a transform
constexpr std::int64_t kMostCopies = 64ll << 20;  ///< bytes that a worker may hold: longer rows share lines less well

int rows_of_item(const KernelConfig& config) { return config.paired ? 2 * config.rows : config.rows; }

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Bytes of a worker's scratch for the kernel of dense rows.
std::int64_t dense_scratch(const Problem& problem, const KernelConfig& config) {
  const auto width = static_cast<std::int64_t>(size_of(filter_type(problem)));
  const std::int64_t points = transform_length(config);
  if (config.strategy == Strategy::direct) return (points + problem.filter_len + 2 * config.lanes) * width;
  const Tree tree = tree_of(config);
  if (!reads_filter(problem)) return gradient_scratch(problem, config, tree) * width;
  const std::int64_t planes = config.strategy == Strategy::chunked ? 3 : 2;
  const std::int64_t gaps = (tree.levels[0].radix - 1) * root_gap(problem, config) * 2 * tree.lanes;
  return (planes * points * tree.rows + gaps + rows_of_item(config) * carry_len(problem)) * width;
}

}  // namespace

RowPlaces row_places(const Problem& problem) {
  const RowStrides strides = row_strides(problem);
  if (strides.sample != 1 && problem.seqlen > 1) return RowPlaces::gathered;
  const bool dense = (strides.channel == problem.seqlen || problem.channels == 1) &&
                     (strides.batch == problem.seqlen * problem.channels || problem.batch == 1);
  return dense ? RowPlaces::dense : RowPlaces::apart;
}

std::string row_places_text(const Problem& problem) {
  constexpr const char* texts[] = {"dense, (batch, channels, seqlen)", "of neighbouring samples, at any strides",
                                   "of samples that lie apart, at any strides: copied and copied back"};
  return texts[static_cast<int>(row_places(problem))];
}

bool copied_in_place(const Problem& problem, const KernelConfig& config) {
  return reads_filter(problem) && config.strategy != Strategy::direct;
}

RowGroup row_group(const Problem& problem, const KernelConfig& config) {
  RowGroup group;
  const bool gradient = !reads_filter(problem);
  const auto size = static_cast<std::int64_t>(size_of(problem.io));
  // An odd number of lines: rows a multiple of a page apart would compete for the same few places of a cache.
  group.pitch = (divided_up(problem.seqlen * size, kLine) | 1) * kLine / size;
  group.tensors = (copied_in_place(problem, config) ? 1 : 2) + (problem.pregate || (gradient && problem.postgate)) +
                  problem.postgate;
  const std::int64_t rows = group.pitch * size * group.tensors * rows_of_item(config);  // of one channel
  const std::int64_t sum = gradient ? dense_scratch(problem, config) / 3 : 0;           // kept of one channel
  group.channels = kLine / size;
  while (group.channels > 1 && group.channels * (rows + sum) > kMostCopies) group.channels /= 2;
  group.items = 1;
  while (problem.sharing != FilterSharing::per_example && 2 * group.items * group.channels * rows <= kCached)
    group.items *= 2;
  group.own_bytes = divided_up(dense_scratch(problem, config) + group.channels * sum, kLine) * kLine;
  group.bytes = group.items * group.channels * rows;
  return group;
}

std::string group_constants(const Problem& problem, const KernelConfig& config) {
  const RowGroup group = row_group(problem, config);
  return fmt::format(
      "constexpr int group_channels = {};  // rows are copied of so many channels at a time\n"
      "constexpr int group_items = {};  // and of so many items of each\n"
      "constexpr index row_pitch = {};  // samples from one copied row to the next\n"
      "constexpr index own_scratch = {};  // numbers of the scratch before the copies\n"
      "constexpr bool in_place = {};  // y takes the place of u\n"
      "constexpr bool scatter_past_caches = {};  // y is written past the caches where lines are aligned\n",
      group.channels, group.items, group.pitch,
      group.own_bytes / static_cast<std::int64_t>(size_of(filter_type(problem))), copied_in_place(problem, config),
      config.streaming);
}

std::int64_t work_items(const Problem& problem, const KernelConfig& config) {
  const std::int64_t filters = filter_count(problem);
  const bool gradient = !reads_filter(problem), gathered = row_places(problem) == RowPlaces::gathered;
  if (!gathered) {
    return gradient ? filters : divided_up(problem.batch, rows_of_item(config)) * problem.channels;
  }
  const RowGroup group = row_group(problem, config);
  const std::int64_t blocks = divided_up(problem.channels, group.channels);
  if (!gradient) return divided_up(problem.batch, group.items * rows_of_item(config)) * blocks;
  if (problem.sharing == FilterSharing::per_example) return problem.batch * blocks;
  return divided_up(filters, std::max<std::int64_t>(1, group.channels / (problem.channels / filters)));
}

std::int64_t work_scratch(const Problem& problem, const KernelConfig& config) {
  if (row_places(problem) != RowPlaces::gathered) return dense_scratch(problem, config);
  const RowGroup group = row_group(problem, config);
  return group.own_bytes + group.bytes;
}

}  // namespace fftconv::cpu
