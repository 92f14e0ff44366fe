// What Plan and FilterSpectrum are made of.
#pragma once

#include <memory>
#include <string>

#include "capture_recorder.h"
#include "fftconv/plan.h"

namespace fftconv {

/// A kernel that can be launched: source, binary, and its tables on the device.
struct ReadyKernel {
  std::shared_ptr<Device> device;  ///< first, so that it goes last
  KernelSource source;
  CompiledKernel compiled;
  std::unique_ptr<DeviceBuffer> tables;  ///< null where the source has none
  std::shared_ptr<const LoadedKernel> loaded;
};

/// KernelArgs with the sizes and the tables of a kernel filled in.
KernelArgs base_args(const ReadyKernel& kernel);

/// Runs the spectrum entry: reads `filter`, writes spectrum_bytes at `spectrum`. Synchronous.
Result<void> run_spectrum(const ReadyKernel& kernel, const void* filter, void* spectrum, Stream stream);
/// The same with all addresses given: filter, spectrum, tables, and scratch of spectrum_scratch_bytes.
Result<void> run_spectrum(const ReadyKernel& kernel, const KernelArgs& args, Stream stream);

struct Plan::State {
  std::shared_ptr<const ReadyKernel> kernel;
  Provenance provenance = Provenance::plain_default;
  std::string reason;               ///< why this config, one sentence
  std::string passed;               ///< candidates that were preferred and failed, with reasons; may be empty
  double measured_s = 0;            ///< 0 = never measured
  std::shared_ptr<UseCounts> uses;  ///< null where nothing is captured
  std::size_t io_bytes = 0;         ///< from the first sample of u to one past its last
};

struct FilterSpectrum::State {
  std::shared_ptr<const ReadyKernel> kernel;  ///< keeps the device alive
  std::unique_ptr<DeviceBuffer> memory;
};

}  // namespace fftconv
