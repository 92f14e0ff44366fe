// Which backend computes on a device.
#pragma once

#include "fftconv/device_facts.h"
#include "fftconv/kernel_config.h"

namespace fftconv {

/// Devices cuda and sim run CUDA text; a fake device runs what its architecture names.
inline bool runs_cuda(const DeviceFacts& device) {
  if (device.kind == DeviceKind::fake) return device.arch.starts_with("sm_");
  return device.kind != DeviceKind::cpu;
}

inline bool is_cuda(const KernelConfig& config) { return config.engine != Engine::vector; }

}  // namespace fftconv
