// Compiles every kernel of the suite where there is no GPU: what can be checked beforehand.
#pragma once

#include "suite/section.h"

namespace fftconv::gpu_suite {

int compile_all(const Options& options);

}  // namespace fftconv::gpu_suite
