#include "cuda/clang_nvptx.h"

namespace fftconv::cuda {

Result<CompiledKernel> compile_with_clang(const KernelSource&, const std::string&) {
  return unsupported("CUDA kernels are compiled by NVRTC only: choose a configuration that ends in /nvrtc.");
}

}  // namespace fftconv::cuda
