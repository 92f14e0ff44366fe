// The text of the filter's spectrum kernel.
#pragma once

#include <string>

#include "cuda/layout.h"

namespace fftconv::cuda {

std::string spectrum_kernel(const Layout& layout);

}  // namespace fftconv::cuda
