// The CPU device with a chosen number of threads and instruction set.
#pragma once

#include <memory>
#include <string>

#include "fftconv/device.h"

namespace fftconv {

/// `threads` 0: as many as the processor has. `arch` empty: the best of this processor; else one that it can run,
/// such as "x86-64-avx2" on a processor with AVX-512. Where nothing compiles there is the portable kernel, and
/// caveat() says so. Errors: what is wrong with the compiler that the settings name, device_missing where this
/// processor is not an `arch`, invalid_argument.
Result<std::shared_ptr<Device>> make_cpu_device(int threads, const std::string& arch = {});

}  // namespace fftconv
