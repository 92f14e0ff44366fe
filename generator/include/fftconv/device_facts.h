// DeviceFacts: what the generator and the cost model need to know of a device. Data, no code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/result.h"

namespace fftconv {

enum class DeviceKind { cuda, cpu, sim, fake };

struct DeviceFacts {
  DeviceKind kind = DeviceKind::cuda;
  std::string name;  ///< e.g. "NVIDIA H200", "AMD EPYC 9B45"
  std::string arch;  ///< "sm_90a", … ; for a CPU "x86-64-avx512", "x86-64-avx2", "x86-64", "aarch64"
  int sm_count = 0;  ///< streaming multiprocessors; of a CPU the threads that the device uses
  double clock_hz = 0;
  std::int64_t shared_per_block = 0;  ///< bytes, opt-in maximum (CPU: bytes of L2 per core)
  std::int64_t shared_per_sm = 0;     ///< bytes (CPU: bytes of L1 data cache)
  int registers_per_sm = 0;           ///< 32-bit registers
  int max_warps_per_sm = 0;
  std::int64_t l2_bytes = 0;          ///< CPU: last-level cache
  double memory_bytes_per_s = 0;      ///< device memory, copy: read plus written
  double l2_bytes_per_s = 0;          ///< read
  double shared_bytes_per_clock = 0;  ///< per SM
  double mma_f16_flops = 0;           ///< dense, through mma.sync, fp16 accumulators, whole device, per second
  double mma_f16f32_flops = 0;        ///< fp32 accumulators
  double mma_bf16_flops = 0;
  double fma_f32_flops = 0;  ///< general units, fp32
  double launch_s = 0;       ///< cost of one launch
  int vector_lanes = 0;      ///< CPU: fp32 elements of a vector
  bool compiles = true;      ///< CPU: emitted text can be compiled here; else there is the portable kernel alone
  bool measured = false;     ///< rates were measured on this device, not taken from data sheets
  bool operator==(const DeviceFacts&) const = default;
};

/// Facts of a typical part of each supported architecture: sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120.
/// Rates are data-sheet figures, for sm_90a what others report of an H200; none was measured here: `measured` is
/// false.
Result<DeviceFacts> facts_of_arch(std::string_view arch);
const std::vector<std::string>& known_archs();

/// The facts of a device with rates that follow from what it is: of a CPU as many bytes and operations a clock as
/// servers of 2020 to 2025 have, at 3 GHz, in place of what was measured in this process, which is off by some ten
/// percent and different in each. For whatever is to come out the same in every process. Other kinds are as they are.
DeviceFacts with_nominal_rates(DeviceFacts device);

const char* to_string(DeviceKind kind);

}  // namespace fftconv
