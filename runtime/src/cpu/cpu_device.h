// The CPU device, short to write for tests.
#pragma once

#include "fftconv/cpu_device.h"

namespace fftconv {

inline Result<std::shared_ptr<Device>> make_cpu_device(int threads, const std::string& arch = {}) {
  return open_cpu_device({.threads = threads, .arch = arch, .executor = nullptr});
}

}  // namespace fftconv
