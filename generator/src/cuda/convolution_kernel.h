// The text of the convolution kernel: the row loop, one section per stage.
#pragma once

#include <string>

#include "cuda/geometry.h"
#include "cuda/layout.h"

namespace fftconv::cuda {

std::string convolution_kernel(const Problem& problem, const KernelConfig& config, const Layout& layout,
                               const Geometry& geometry);

}  // namespace fftconv::cuda
