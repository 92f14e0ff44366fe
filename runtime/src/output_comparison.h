// One pass over what a kernel wrote: every sample compared with fp64, what lies between them, and a sum.
#pragma once

#include <cstdint>
#include <functional>

#include "fftconv/device.h"
#include "row_places.h"

namespace fftconv {

struct OutputComparison {
  double error = 0;       ///< largest relative L2 error of a row; infinity where a value is not finite
  bool finite = true;     ///< every sample
  bool gaps_live = true;  ///< the elements between samples are as poisoned
  std::uint64_t sum = 0;  ///< as GuardedBuffer::sum()
};

/// Writes samples first … last - 1 of a row in fp64.
using ExpectedSamples = std::function<void(std::int64_t row, std::int64_t first, std::int64_t last, double* values)>;

/// `output` is device memory.
Result<OutputComparison> compare_output(Device& device, const void* output, DataType type, const RowPlaces& places,
                                        const ExpectedSamples& expected);

}  // namespace fftconv
