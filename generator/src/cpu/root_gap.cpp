#include "cpu/root_gap.h"

#include "cpu/shares.h"
#include "fftconv/sparsity.h"

namespace fftconv::cpu {
namespace {

constexpr std::int64_t kPage = 4096;  ///< bytes
constexpr std::int64_t kBlocks = 2;   ///< 1 gains less, 4 no more

/// Kernels whose root writes a scratch that nothing else walks as one array.
bool has_plain_root(const Problem& problem, const KernelConfig& config) {
  return config.strategy == Strategy::fused && reads_filter(problem) && !problem.carry && !is_sparse(problem) &&
         !is_shared(problem, config);
}

}  // namespace

std::int64_t root_gap(const Problem& problem, const KernelConfig& config) {
  if (config.compiler == CompilerId::none || config.radices.size() < 3 || !has_plain_root(problem, config)) return 0;
  const Tree tree = tree_of(config);
  const std::int64_t numbers = 2 * tree.length / tree.levels[0].radix * tree.rows;
  return numbers * static_cast<std::int64_t>(size_of(filter_type(problem))) % kPage == 0 ? kBlocks : 0;
}

}  // namespace fftconv::cpu
