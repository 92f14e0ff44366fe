// Runs one candidate of a problem: tables to the device, spectrum from the filter, convolution.
#pragma once

#include "suite/compile_pool.h"

namespace fftconv::gpu_suite {

/// A candidate's own memory on the device: its tables and its filter spectrum.
struct Execution {
  std::unique_ptr<DeviceBuffer> tables, spectrum, scratch;
  KernelArgs args;

  /// Uploads the tables and computes the spectrum. `shared` holds the problem's buffers and sizes.
  static Result<Execution> make(Device& device, const Candidate& candidate, const KernelArgs& shared);

  Result<void> convolve(Device& device, const Candidate& candidate) const;
};

}  // namespace fftconv::gpu_suite
