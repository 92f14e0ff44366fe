// Buffers of devices whose memory is the host's.
#pragma once

#include <cstddef>
#include <memory>

#include "fftconv/device.h"

namespace fftconv {

/// Uninitialised host memory, aligned to 64 bytes; out_of_memory where the system refuses.
Result<std::unique_ptr<DeviceBuffer>> allocate_host(std::size_t bytes);

}  // namespace fftconv
