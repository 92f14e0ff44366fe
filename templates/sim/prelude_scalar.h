// The lane interface (templates/LANES.md) as scalars: one fiber runs a thread, as on the GPU. Followed by
// prelude_common.h.
#define FFTCONV_LANES 1
typedef int vi;
typedef unsigned vu;
typedef float vf;
typedef bool vp;
#define FFTCONV_ALL_LANES ((const vi*)0)
#define FFTCONV_DEVICE static inline
#define FFTCONV_PRELUDE static inline __attribute__((always_inline))

extern "C" int fftconv_sim_lane();
FFTCONV_PRELUDE vi lane_id() { return fftconv_sim_lane(); }
FFTCONV_PRELUDE vi fftconv_mask(vp p) { return p ? -1 : 0; }

// Bit patterns and predicates.
FFTCONV_PRELUDE vf as_float(vu x) { return __builtin_bit_cast(float, x); }
FFTCONV_PRELUDE vu as_uint(vf x) { return __builtin_bit_cast(unsigned, x); }
FFTCONV_PRELUDE vu as_uint(vi x) { return (unsigned)x; }
FFTCONV_PRELUDE vi as_int(vu x) { return (int)x; }
FFTCONV_PRELUDE vi select(vp p, vi a, vi b) { return p ? a : b; }
FFTCONV_PRELUDE vu select(vp p, vu a, vu b) { return p ? a : b; }
FFTCONV_PRELUDE vf select(vp p, vf a, vf b) { return p ? a : b; }
FFTCONV_PRELUDE vf fma_f32(vf a, vf b, vf c) { return __builtin_fmaf(a, b, c); }
