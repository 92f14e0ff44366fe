// A kernel of the fake device: the fp64 reference, distorted as the script says.
#pragma once

#include <memory>

#include "fftconv/fake_device.h"

namespace fftconv {

class FakeKernel : public LoadedKernel {
 public:
  FakeKernel(const KernelSource& source, std::shared_ptr<const FakeScript> script);

  const KernelConfig& config() const { return config_; }
  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const override;

 private:
  Result<void> make_spectrum(const KernelArgs& args) const;
  Result<void> convolve(const KernelArgs& args) const;

  Problem problem_;
  KernelConfig config_;
  std::string spectrum_entry_;
  std::size_t spectrum_bytes_;
  std::shared_ptr<const FakeScript> script_;
};

}  // namespace fftconv
