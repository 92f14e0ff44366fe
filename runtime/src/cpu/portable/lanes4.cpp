// The portable kernel with vectors of four: SSE2, NEON.
#define FFTCONV_LANES 4
#include "cpu/portable/instances.h"
#include "cpu/portable/transform.h"

namespace fftconv {

const PortableFunctions portable_4 = {convolve, transform_filters};

}  // namespace fftconv
