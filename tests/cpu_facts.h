// Facts of a CPU with AVX-512, for tests that need no device.
#pragma once

#include "fftconv/device_facts.h"

namespace fftconv::test {

inline DeviceFacts cpu_facts() {
  DeviceFacts d;
  d.kind = DeviceKind::cpu;
  d.name = "a CPU";
  d.arch = "x86-64-avx512";
  d.sm_count = 2;
  d.clock_hz = 3e9;
  d.shared_per_block = 1 << 20;
  d.shared_per_sm = 32 << 10;
  d.l2_bytes = 32 << 20;
  d.memory_bytes_per_s = 4e10;
  d.l2_bytes_per_s = 1e11;
  d.shared_bytes_per_clock = 128;
  d.fma_f32_flops = 2 * 3e9 * 48;
  d.launch_s = 1e-6;
  d.vector_lanes = 16;
  return d;
}

}  // namespace fftconv::test
