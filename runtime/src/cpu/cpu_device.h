// The CPU device with a chosen number of threads.
#pragma once

#include <memory>

#include "fftconv/device.h"

namespace fftconv {

/// `threads` 0: as many as the processor has. dependency_missing where the LLVM component is not there.
Result<std::shared_ptr<Device>> make_cpu_device(int threads);

}  // namespace fftconv
