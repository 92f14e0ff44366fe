// Random data of any length from a short period.
#pragma once

#include <cstdint>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv {

/// Uniform in [-scale, scale), rounded to `type`. Sample i is sample i modulo a prime period of about a million, so
/// that rows are not alike.
class RandomSamples {
 public:
  RandomSamples(DataType type, std::int64_t count, double scale, std::uint64_t seed);

  double at(std::int64_t index) const;

 private:
  DataType type_;
  std::int64_t period_;
  std::vector<std::byte> bytes_;  ///< one period
};

}  // namespace fftconv
