#include "cuda/geometry.h"

#include <algorithm>

namespace fftconv::cuda {
namespace {

/// Registers of a thread, from what is live in the widest stage; fitted to what NVRTC 13.0 gives for sm_90a.
int estimate_registers(const KernelConfig& config, const Layout& l) {
  const int split = l.planes == 2 ? 2 : 1;
  const int tile = l.rows * l.columns / 32;  // registers of a complex core tile, packed
  int core = 2 * tile * split + 12 * split * (std::max(l.rows, l.columns) / 16);
  if (l.resident_columns) core += 24 * split;
  if (l.resident_slabs) {
    const int slabs = config.twiddle == Residency::registers || config.filter == Residency::registers
                          ? std::max(1, l.slabs / config.warps)
                          : 1;
    core += 12 * split * (config.twiddle == Residency::registers ? slabs : 1);
    core += 16 * split * (config.filter == Residency::registers ? slabs : 1);
  }
  const auto outer = [&](const OuterDigit& digit, int width) {
    if (!digit.mma) return digit.radix > 1 ? 6 * digit.radix : 0;
    const int blocks = digit.blocks;
    return 4 * blocks * width * split + 12 * blocks * split + 8 * split;
  };
  const int accumulators = config.engine == Engine::mma_f16 ? 4 : 16;
  return 40 + accumulators + std::max({core, outer(l.first, l.width_first), outer(l.second, l.width_second)});
}

}  // namespace

Geometry make_geometry(const Problem& problem, const KernelConfig& config, const Layout& l,
                       const DeviceFacts& device) {
  Geometry g;
  g.grid_x = static_cast<int>(problem.channels);
  const std::int64_t transforms = (problem.batch + l.riders - 1) / l.riders;
  const std::int64_t per_block = config.loop == 0 ? transforms : std::int64_t{config.rows} * config.loop;
  g.grid_y = static_cast<int>((transforms + per_block - 1) / per_block);
  g.registers = estimate_registers(config, l);
  const std::int64_t by_shared = device.shared_per_sm / (l.shared_bytes + 1024);
  const std::int64_t by_threads = device.max_warps_per_sm / (l.threads / 32);
  const std::int64_t by_registers = device.registers_per_sm / (std::int64_t{std::min(g.registers, 255)} * l.threads);
  g.blocks_per_sm = static_cast<int>(std::max<std::int64_t>(1, std::min({by_shared, by_threads, by_registers})));
  g.spectrum_blocks = static_cast<int>(std::min<std::int64_t>(filter_count(problem), SPECTRUM_BLOCKS));
  return g;
}

}  // namespace fftconv::cuda
