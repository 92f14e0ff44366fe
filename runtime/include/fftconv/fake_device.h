// A device with scripted timings, for tests of the tuner and the dispatcher without a clock.
#pragma once

#include <functional>
#include <memory>

#include "fftconv/device.h"

namespace fftconv {

/// What the fake does with a candidate. Every hook is optional.
struct FakeScript {
  DeviceFacts facts;
  std::function<Sample(const KernelConfig&, int call)> sample;           ///< call counts from 0 for each config
  std::function<Result<void>(const KernelConfig&)> compile;              ///< fail or stall on purpose
  std::function<Result<void>(const KernelConfig&)> launch;               ///< fail, crash or hang on purpose
  std::function<double(const KernelConfig&, double exact)> distort;      ///< turn right results into wrong ones
  std::function<void(const KernelConfig&, const KernelArgs&)> trespass;  ///< write where a kernel must not
  std::function<void(const KernelConfig&, const KernelArgs&)>
      trespass_spectrum;  ///< the same of the spectrum's kernel
};

/// Computes with the fp64 reference (rounded to the I/O type), so that correctness gates see real data.
std::shared_ptr<Device> make_fake_device(FakeScript script);

}  // namespace fftconv
