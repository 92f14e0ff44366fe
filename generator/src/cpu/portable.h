// Kernels that are described instead of emitted, for a CPU on which nothing can be compiled.
#pragma once

#include "fftconv/kernel_source.h"

namespace fftconv::cpu {

/// A source whose text says what the portable kernel computes and whose tables begin with a PortableShape.
/// `config` is legal for `problem`.
KernelSource describe_portable(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

}  // namespace fftconv::cpu
