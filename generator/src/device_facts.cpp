#include "fftconv/device_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace fftconv {
namespace {

constexpr std::int64_t KiB = 1024;
constexpr std::int64_t MiB = 1024 * KiB;
constexpr double T = 1e12;

/// One part's data sheet. Rates are those of the sheet (dense, boost clock) but for the notes.
struct Sheet {
  const char* arch;
  const char* name;
  int sm_count;
  double clock_hz;
  std::int64_t shared_per_block, shared_per_sm;
  int max_warps_per_sm;
  std::int64_t l2_bytes;
  double memory, l2;         // bytes a second
  double f16, f16f32, bf16;  // mma.sync, flops a second
  double fma;                // fp32, flops a second
};

// sm_90a: copy, dense rate (790 T), L2 and the 62 % of the dense rate that mma.sync reaches are what others report of
// an H200; nothing here was measured by these programs. tests/gpu/ measures all of it where there is a GPU. sm_100a:
// mma.sync is not the part's main path (that is tcgen05, 2,250 T); 1,024 fused operations a clock and multiprocessor,
// as on sm_80, are assumed. GeForce parts (sm_89, sm_120) halve the rate with fp32 accumulators. L2 rates other than
// sm_90a's: 64 bytes a clock and multiprocessor, less what no sheet states.
constexpr Sheet sheets[] = {
    {"sm_80", "NVIDIA A100-SXM4-80GB", 108, 1.41e9, 163 * KiB, 164 * KiB, 64, 40 * MiB, 2.039 * T, 7.2 * T, 312 * T,
     312 * T, 312 * T, 19.5 * T},
    {"sm_86", "NVIDIA RTX A6000", 84, 1.80e9, 99 * KiB, 100 * KiB, 48, 6 * MiB, 0.768 * T, 4.8 * T, 154.8 * T,
     154.8 * T, 154.8 * T, 38.7 * T},
    {"sm_89", "NVIDIA GeForce RTX 4090", 128, 2.52e9, 99 * KiB, 100 * KiB, 48, 72 * MiB, 1.008 * T, 5.0 * T,
     330.3 * T, 165.2 * T, 165.2 * T, 82.6 * T},
    {"sm_90a", "NVIDIA H200", 132, 1.98e9, 227 * KiB, 228 * KiB, 64, 60 * MiB, 4.3 * T, 9.6 * T, 0.62 * 790 * T,
     0.62 * 790 * T, 0.62 * 790 * T, 67 * T},
    {"sm_100a", "NVIDIA B200", 148, 1.965e9, 227 * KiB, 228 * KiB, 64, 126 * MiB, 8.0 * T, 16 * T, 596 * T, 596 * T,
     596 * T, 75 * T},
    {"sm_120", "NVIDIA GeForce RTX 5090", 170, 2.41e9, 99 * KiB, 100 * KiB, 48, 96 * MiB, 1.792 * T, 8.0 * T, 419 * T,
     209.5 * T, 209.5 * T, 104.8 * T},
};

}  // namespace

Result<DeviceFacts> facts_of_arch(std::string_view arch) {
  for (const Sheet& sheet : sheets) {
    if (arch != sheet.arch) continue;
    DeviceFacts facts;
    facts.kind = DeviceKind::cuda;
    facts.name = sheet.name;
    facts.arch = sheet.arch;
    facts.sm_count = sheet.sm_count;
    facts.clock_hz = sheet.clock_hz;
    facts.shared_per_block = sheet.shared_per_block;
    facts.shared_per_sm = sheet.shared_per_sm;
    facts.registers_per_sm = 65536;
    facts.max_warps_per_sm = sheet.max_warps_per_sm;
    facts.l2_bytes = sheet.l2_bytes;
    facts.memory_bytes_per_s = sheet.memory;
    facts.l2_bytes_per_s = sheet.l2;
    facts.shared_bytes_per_clock = 128;
    facts.mma_f16_flops = sheet.f16;
    facts.mma_f16f32_flops = sheet.f16f32;
    facts.mma_bf16_flops = sheet.bf16;
    facts.fma_f32_flops = sheet.fma;
    facts.launch_s = 3e-6;
    return facts;
  }
  return unsupported(
      fmt::format("no facts are known of architecture \"{}\"; give one of {}", arch, fmt::join(known_archs(), ", ")));
}

const std::vector<std::string>& known_archs() {
  static const std::vector<std::string> archs = [] {
    std::vector<std::string> names;
    for (const Sheet& sheet : sheets) names.emplace_back(sheet.arch);
    return names;
  }();
  return archs;
}

DeviceFacts with_nominal_rates(DeviceFacts device) {
  if (device.kind != DeviceKind::cpu) return device;
  constexpr double fma_flops_per_lane = 4;  // two units
  constexpr double memory_bytes_per_clock = 8, cores_that_fill_memory = 8, l2_bytes_per_clock = 16;
  const double threads = std::max(1, device.sm_count);
  device.clock_hz = 3e9;
  device.fma_f32_flops = threads * device.clock_hz * fma_flops_per_lane * device.vector_lanes;
  device.memory_bytes_per_s = std::min(threads, cores_that_fill_memory) * device.clock_hz * memory_bytes_per_clock;
  device.l2_bytes_per_s = threads * device.clock_hz * l2_bytes_per_clock;
  device.shared_bytes_per_clock = 2.0 * 4 * device.vector_lanes;
  device.launch_s = 5e-6;
  device.measured = false;
  return device;
}

const char* to_string(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cuda:
      return "cuda";
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::sim:
      return "sim";
    case DeviceKind::fake:
      return "fake";
  }
  return "unknown";
}

}  // namespace fftconv
