#include "cuda/throttling.h"

#include <algorithm>

namespace fftconv::cuda {
namespace {

// Bits of nvmlClocksEventReasons, by NVML's manual. Left out: idle (0x1), application clocks (0x2), sync boost (0x10)
// and display clocks (0x100), which are settings.
constexpr std::uint64_t kPowerCap = 0x4;
constexpr std::uint64_t kHardwareSlowdown = 0x8;
constexpr std::uint64_t kThermalSlowdown = 0x20;
constexpr std::uint64_t kHardwareThermalSlowdown = 0x40;
constexpr std::uint64_t kPowerBrake = 0x80;
constexpr std::uint64_t kSlowdown = kHardwareSlowdown | kThermalSlowdown | kHardwareThermalSlowdown | kPowerBrake;

/// Below this part of the reference a sample tells of the card's temperature or power, not of the kernel.
constexpr double kThrottledBelow = 0.8;
/// The same where NVML says that power is what is short.
constexpr double kCappedBelow = 0.9;

}  // namespace

bool is_throttled(const CardState& card) {
  const auto below = [&](double reference) { return card.clock_hz > 0 && card.clock_hz < reference; };
  if (below(kThrottledBelow * card.best_clock_hz)) return true;
  if (!card.reasons) return below(kThrottledBelow * card.max_clock_hz);
  if (*card.reasons & kSlowdown) return true;
  return (*card.reasons & kPowerCap) != 0 && below(kCappedBelow * card.max_clock_hz);
}

}  // namespace fftconv::cuda
