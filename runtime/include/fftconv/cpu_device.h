// The CPU device with chosen threads and instruction set.
#pragma once

#include <memory>
#include <string>

#include "fftconv/device.h"
#include "fftconv/executor.h"

namespace fftconv {

struct CpuOptions {
  /// 0: what settings().threads says (FFTCONV_THREADS), else as many as the executor or the processor has. It is part
  /// of the device's identity: what was measured with one number of threads is not taken for another.
  int threads = 0;
  std::string arch;                    ///< empty: the best of this processor; else one that it runs: "x86-64-avx2"
  std::shared_ptr<Executor> executor;  ///< null: a pool of the device's own
};

/// Errors: dependency_missing where the LLVM component is not there, device_missing where this processor is not an
/// `arch`, invalid_argument for a number of threads that makes no sense.
Result<std::shared_ptr<Device>> open_cpu_device(const CpuOptions& options);

}  // namespace fftconv
