#include "algorithm_count.h"

#include <algorithm>

namespace fftconv::tools {
namespace {

constexpr int kBlocksPerSm = 32;
constexpr int kReservedShared = 1024;  ///< bytes that CUDA keeps of every block's shared memory

double transforms(const Problem& problem, const KernelConfig& config) {
  const std::int64_t batch = config.paired ? (problem.batch + 1) / 2 : problem.batch;
  return static_cast<double>(batch) * static_cast<double>(problem.channels);
}

}  // namespace

double digit_products(const KernelConfig& config, std::size_t digit) {
  if (config.engine == Engine::vector) return 0;
  const auto m = static_cast<double>(transform_length(config));
  const double n = config.radices[digit];
  const int real_products = (digit == 0 && !config.paired ? 2 : 4) * (config.engine == Engine::mma_split ? 3 : 1);
  const bool fills_block = config.radices[digit] % 16 == 0;
  const bool shares_block = 16 % config.radices[digit] == 0;
  if (fills_block) return real_products * (n / 16) * (n / 16) * (m / n / 8);
  return shares_block ? real_products * (m / 16 / 8) : 0;
}

double algorithm_products(const Problem& problem, const KernelConfig& config) {
  double products = 0;
  for (std::size_t digit = 0; digit < config.radices.size(); ++digit) products += 2 * digit_products(config, digit);
  return products * transforms(problem, config);
}

double complex_points(const Problem& problem, const KernelConfig& config) {
  return transforms(problem, config) * static_cast<double>(transform_length(config));
}

PointBudget point_budget(const Problem& problem, const KernelConfig& config, const DeviceFacts& facts) {
  if (facts.kind == DeviceKind::cpu || facts.memory_bytes_per_s <= 0) return {};
  // A point of a real row is one sample, read and written; of a pair of rows it is two.
  const double bytes = 2.0 * static_cast<double>(size_of(problem.io)) * (config.paired ? 2 : 1);
  // 128 lanes issue and 128 bytes of shared memory move in a clock; an H200 is said to hold 1.755 GHz under load and
  // to copy 4.3 TB/s, which makes 27.6 of each for a point of 4 bytes.
  const double clock = facts.arch == "sm_90a" ? 1.755e9 : facts.clock_hz;
  const double sm_clocks = facts.sm_count * clock * bytes / facts.memory_bytes_per_s;  // of a point
  return {sm_clocks * 4 * 32, sm_clocks * facts.shared_bytes_per_clock};
}

Occupancy occupancy(const KernelSource& source, const CompiledKernel& kernel, const DeviceFacts& facts) {
  Occupancy result;
  const int warps = (source.convolution.threads + 31) / 32;
  // Registers are given out in units of 256 to a warp.
  const int registers_of_warp = (std::max(kernel.registers, 1) * 32 + 255) / 256 * 256;
  const std::int64_t shared = source.convolution.shared_bytes + kernel.static_shared_bytes + kReservedShared;
  result.by_registers = facts.registers_per_sm / registers_of_warp / std::max(warps, 1);
  result.by_shared = static_cast<int>(facts.shared_per_sm / shared);
  result.by_warps = std::min(kBlocksPerSm, facts.max_warps_per_sm / std::max(warps, 1));
  result.blocks = std::min({result.by_registers, result.by_shared, result.by_warps});
  if (facts.max_warps_per_sm > 0) {
    result.warps_share = static_cast<double>(result.blocks * warps) / facts.max_warps_per_sm;
  }
  return result;
}

}  // namespace fftconv::tools
