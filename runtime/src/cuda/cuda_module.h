// A binary loaded into a GPU, ready to be launched from any thread.
#pragma once

#include <memory>

#include "cuda/cuda_context.h"
#include "fftconv/compiled_kernel.h"
#include "fftconv/device.h"

namespace fftconv::cuda {

/// Loads cubin or PTX and prepares the entries of `source`: their functions and their shared-memory limits are looked
/// up and set here, so that a launch has nothing left to do. Errors: launch_failed, out_of_memory.
Result<std::shared_ptr<const LoadedKernel>> load_module(std::shared_ptr<const CudaContext> context,
                                                        const KernelSource& source, const CompiledKernel& kernel);

}  // namespace fftconv::cuda
