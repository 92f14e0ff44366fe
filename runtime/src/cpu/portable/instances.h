// The portable kernel once for each width of vectors, each built for an instruction set that has it.
#pragma once

#include <cstdint>

#include "fftconv/kernel_source.h"

namespace fftconv {

/// Work items first .. last - 1 with a worker's scratch, like the entries of emitted kernels. `args->tables` begins
/// with a PortableShape of this width.
using PortableFunction = void (*)(const KernelArgs* args, std::int64_t first, std::int64_t last, float* scratch);

struct PortableFunctions {
  PortableFunction convolve = nullptr;
  PortableFunction transform_filters = nullptr;
};

extern const PortableFunctions portable_4;  ///< any processor
#if defined(__x86_64__)
extern const PortableFunctions portable_8;   ///< AVX2 and FMA
extern const PortableFunctions portable_16;  ///< AVX-512
#endif

}  // namespace fftconv
