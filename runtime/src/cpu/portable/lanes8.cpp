// The portable kernel with vectors of eight, built for AVX2 and FMA.
#if defined(__x86_64__)
#define FFTCONV_LANES 8
#include "cpu/portable/instances.h"
#include "cpu/portable/transform.h"

namespace fftconv {

const PortableFunctions portable_8 = {convolve, transform_filters};

}  // namespace fftconv
#endif
