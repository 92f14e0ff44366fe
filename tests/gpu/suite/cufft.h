// The same convolution by cuFFT (dlopen): pad, R2C, pointwise product, C2R, crop, in fp32. What users have today.
#pragma once

#include <memory>
#include <string>

#include "fftconv/problem.h"
#include "suite/gpu.h"

namespace fftconv::gpu_suite {

struct CufftFunctions;

class Cufft {
 public:
  /// Errors: dependency_missing. `file` may be empty: then libcufft is searched for.
  static Result<Cufft> open(const std::string& file);

  struct Timing {
    double seconds = 0;  ///< median of the whole sequence, from a cold L2, filter's transform not included
    double error = -1;   ///< of the rows compared
    std::string version;
  };
  /// Computes y of `problem` (dense, forward, causal or circular) from args.u with args.filter into args.y, several
  /// times; y of the last run stays for the caller to check.
  Result<Timing> measure(Gpu& gpu, const Problem& problem, const KernelArgs& args, int count) const;

 private:
  std::shared_ptr<const CufftFunctions> functions_;
};

/// The kernels around the transforms, for --compile-only.
std::vector<SmallKernel> cufft_kernels(int sm_count);

}  // namespace fftconv::gpu_suite
