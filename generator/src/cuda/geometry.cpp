#include "cuda/geometry.h"

#include <algorithm>

namespace fftconv::cuda {
namespace {

/// Registers that a thread needs so that nothing is spilled: what NVRTC 13.0 gets by with for sm_90a, found by
/// tightening the launch bound of kernels of each kind (tests/static_quality_test.cpp holds the estimate against the
/// compiler). Left free, the compiler takes more, to run ahead; above 255 it spills whatever the bound.
int needed_registers(const KernelConfig& config, const Layout& l) {
  const bool split = l.planes == 2, wide = config.engine != Engine::mma_f16;  // wide: fp32 accumulators
  // The core, by points of its tile that a lane holds.
  const int points = l.rows * l.columns / 32;
  int core = points <= 8 ? 86 : points <= 16 ? 126 : points <= 24 ? 156 : 184 + (wide ? 24 : 0);
  if (split) core = points <= 8 ? 160 : points <= 16 ? 254 : 400;
  if (points > 16 && std::max(l.rows, l.columns) > 32) core += wide ? 80 : 48;
  // What a row in several slabs adds: the places of slabs, and constants that stay.
  if (l.order > 2) core += points <= 8 ? 34 : points <= 16 ? 34 : 24;
  if (split && points <= 8 && l.order > 2) core = l.first.columns > 1 ? 184 : 168;
  if (l.resident_slabs && l.order > 2) {
    const int slabs = std::max(1, l.slabs / config.warps), scale = split ? 2 : 1;
    const bool twiddle = config.twiddle == Residency::registers, filter = config.filter == Residency::registers;
    if (twiddle) core += scale * (slabs <= 2 ? 4 * slabs : 24 * slabs - 16) + (wide && slabs > 1 ? 32 : 0);
    if (filter && !twiddle) core += scale * (slabs <= 2 ? 3 * slabs : 8 * slabs) + (wide && slabs > 1 ? 16 : 0);
    // Several groups of warps have places of their own, and so have columns that share a product.
    if (config.rows > 1) core += 8;
    if (twiddle && slabs > 1 && l.first.columns > 1) core += 8;
  }
  const bool stays = config.twiddle == Residency::registers || config.filter == Residency::registers;
  const auto outer = [&](const OuterDigit& digit) {
    if (!digit.mma) return digit.radix > 1 ? 86 : 0;
    constexpr int packed[] = {0, 120, 128, 200, 254}, halves[] = {0, 168, 250, 400, 400};
    // What stays for the core lives through a digit that has no register to spare.
    const int beside = stays && digit.blocks > 1 ? 8 * std::max(1, l.slabs / config.warps) : 0;
    return (split ? halves[digit.blocks] : packed[digit.blocks]) + beside;
  };
  return std::max({core, outer(l.first), outer(l.second)});
}

}  // namespace

Geometry make_geometry(const Problem& problem, const KernelConfig& config, const Layout& l,
                       const DeviceFacts& device) {
  Geometry g;
  g.grid_x = static_cast<int>(problem.channels);
  const std::int64_t transforms = (problem.batch + l.riders - 1) / l.riders;
  const std::int64_t per_block = config.loop == 0 ? transforms : std::int64_t{config.rows} * config.loop;
  g.grid_y = static_cast<int>((transforms + per_block - 1) / per_block);
  g.registers = needed_registers(config, l);
  const std::int64_t by_shared = device.shared_per_sm / (l.shared_bytes + 1024);
  const std::int64_t by_threads = device.max_warps_per_sm / (l.threads / 32);
  // Registers are given out in eights.
  const std::int64_t granted = (std::min(g.registers, 255) + 7) / 8 * 8;
  const std::int64_t by_registers = device.registers_per_sm / (granted * l.threads);
  g.blocks_per_sm = static_cast<int>(std::max<std::int64_t>(1, std::min({by_shared, by_threads, by_registers})));
  g.spectrum_blocks = static_cast<int>(std::min<std::int64_t>(filter_count(problem), SPECTRUM_BLOCKS));
  return g;
}

}  // namespace fftconv::cuda
