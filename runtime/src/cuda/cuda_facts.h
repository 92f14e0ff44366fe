// DeviceFacts of a real GPU: attributes from the driver, rates scaled from the part of the same architecture.
#pragma once

#include <string>

#include "cuda/cuda_context.h"
#include "fftconv/device_facts.h"

namespace fftconv::cuda {

/// What to compile for a GPU of compute capability major.minor.
struct Target {
  std::string arch;   ///< one of known_archs()
  bool exact = true;  ///< false: machine code for `arch` may not run here, so PTX goes to the driver
};

/// Errors: unsupported below 8.0 and for a generation that fftconv does not know.
Result<Target> target_for(int major, int minor);

Result<DeviceFacts> facts_of(const CudaContext& context);

}  // namespace fftconv::cuda
