// The second compiler of CUDA kernels: clang in process makes PTX, nvJitLink makes machine code of it.
#pragma once

#include <string>

#include "fftconv/compiled_kernel.h"
#include "fftconv/kernel_source.h"
#include "fftconv/result.h"

namespace fftconv::cuda {

/// Errors: dependency_missing where the LLVM component or nvJitLink is not there, compile_failed.
Result<CompiledKernel> compile_with_clang(const KernelSource& source, const std::string& arch);

}  // namespace fftconv::cuda
