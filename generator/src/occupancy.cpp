#include "occupancy.h"

#include <algorithm>

namespace fftconv {

Occupancy occupancy(const KernelCounts& counts, const DeviceFacts& device) {
  constexpr std::int64_t reserved_shared = 1024;  // the system's share of each block, sm_80 and later
  constexpr std::int64_t blocks_per_sm = 32;      // 16 on sm_86, 24 on sm_89: warps bind first there
  const std::int64_t warps = std::max(1, (counts.threads + 31) / 32);
  // Registers are handed out to a warp in units of 256, that is 8 a thread.
  const std::int64_t warp_registers = std::max<std::int64_t>(8, (counts.registers + 7) / 8 * 8) * 32;
  const struct {
    std::int64_t blocks;
    const char* name;
  } limits[] = {{device.max_warps_per_sm / warps, "warps"},
                {device.registers_per_sm / (warp_registers * warps), "registers"},
                {device.shared_per_sm / (counts.shared_per_block + reserved_shared), "shared memory"},
                {blocks_per_sm, "blocks"}};
  Occupancy result;
  const auto tightest = std::min_element(std::begin(limits), std::end(limits),
                                         [](const auto& a, const auto& b) { return a.blocks < b.blocks; });
  result.blocks = static_cast<int>(tightest->blocks);
  result.limit = tightest->name;
  if (counts.shared_per_block > device.shared_per_block) {
    result.blocks = 0;
    result.limit = "shared memory";
  }
  result.warps = static_cast<int>(result.blocks * warps);
  if (device.max_warps_per_sm > 0) result.fraction = static_cast<double>(result.warps) / device.max_warps_per_sm;
  return result;
}

}  // namespace fftconv
