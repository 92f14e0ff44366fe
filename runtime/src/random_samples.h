// Random data of any length from a short period: inputs of a measurement without a copy of them on the host.
#pragma once

#include <cstdint>
#include <vector>

#include "fftconv/device.h"

namespace fftconv {

/// Uniform in [-scale, scale), rounded to `type`. Sample i is sample i modulo a prime period of about a million, so
/// that rows are not alike.
class RandomSamples {
 public:
  RandomSamples(DataType type, std::int64_t count, double scale, std::uint64_t seed);

  double at(std::int64_t index) const;
  /// Writes samples 0 … count-1 to device memory.
  Result<void> upload(Device& device, void* destination) const;

 private:
  DataType type_;
  std::int64_t count_;
  std::int64_t period_;
  std::vector<std::byte> bytes_;  ///< one period
};

}  // namespace fftconv
