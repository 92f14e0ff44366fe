// The CPU device, short to write for tests.
#pragma once

#include "cpu/host_readings.h"
#include "fftconv/cpu_device.h"

namespace fftconv {

/// As open_cpu_device(options); what samples are judged by comes from `readings`.
Result<std::shared_ptr<Device>> open_cpu_device(const CpuOptions& options, HostReadings readings);

inline Result<std::shared_ptr<Device>> make_cpu_device(int threads, const std::string& arch = {}) {
  return open_cpu_device({.threads = threads, .arch = arch, .executor = nullptr});
}

}  // namespace fftconv
