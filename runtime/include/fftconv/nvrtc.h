// NVRTC, opened with dlopen.
#pragma once

#include <string>
#include <vector>

#include "fftconv/compiled_kernel.h"
#include "fftconv/kernel_source.h"
#include "fftconv/result.h"

namespace fftconv {

/// "13.0"; dependency_missing with what to install where libnvrtc cannot be opened. Looked for in
/// FFTCONV_NVRTC (a file), the loader's path, /usr/local/cuda, and fftconv's private virtual environment.
Result<std::string> nvrtc_version();

/// Compiles for an architecture such as "sm_90a"; format cubin or ptx. Thread-safe.
Result<CompiledKernel> nvrtc_compile(const KernelSource& source, const std::string& arch, BinaryFormat format);

}  // namespace fftconv
