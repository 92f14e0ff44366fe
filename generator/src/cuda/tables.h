// The constants that an emitted kernel reads: DFT matrices in fragment order, twiddles in accumulator order, roots.
#pragma once

#include <cstddef>
#include <vector>

#include "cuda/layout.h"
#include "fftconv/kernel_config.h"

namespace fftconv::cuda {

/// Computed in fp64, rounded once. Bytes in the order of Layout's table_* offsets.
std::vector<std::byte> make_tables(const Layout& layout, Engine engine);

/// Half-shifted DFT of `radix` points, orthonormal: exp(-2 pi i (n + phi)(k + phi) / radix) / sqrt(radix).
struct Entry {
  double re, im;
};
Entry shifted_dft(int radix, double phi, int k, int n);
/// Plain DFT, orthonormal.
Entry plain_dft(int radix, int k, int n);

}  // namespace fftconv::cuda
