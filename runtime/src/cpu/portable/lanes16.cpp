// The portable kernel with vectors of sixteen, built for AVX-512.
#if defined(__x86_64__)
#define FFTCONV_LANES 16
#include "cpu/portable/instances.h"
#include "cpu/portable/transform.h"

namespace fftconv {

const PortableFunctions portable_16 = {convolve, transform_filters};

}  // namespace fftconv
#endif
