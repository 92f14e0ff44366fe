// The lane interface (templates/LANES.md) as vectors: a lane type holds all 32 lanes of a warp, one fiber runs a
// warp. Followed by prelude_common.h.
#define FFTCONV_LANES 32
typedef int vi __attribute__((ext_vector_type(32)));
typedef unsigned vu __attribute__((ext_vector_type(32)));
typedef float vf __attribute__((ext_vector_type(32)));
typedef vi vp;  // any bit set is true: a comparison gives -1, a uniform bool 1
#define FFTCONV_ALL_LANES ((const vi*)0)
#define FFTCONV_DEVICE static inline
#define FFTCONV_PRELUDE static inline __attribute__((always_inline))

FFTCONV_PRELUDE vi lane_id() {
  return (vi){0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
              16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
}
FFTCONV_PRELUDE vi fftconv_mask(vp p) { return p; }

// Bit patterns and predicates.
FFTCONV_PRELUDE vf as_float(vu x) { return (vf)x; }
FFTCONV_PRELUDE vu as_uint(vf x) { return (vu)x; }
FFTCONV_PRELUDE vu as_uint(vi x) { return (vu)x; }
FFTCONV_PRELUDE vi as_int(vu x) { return (vi)x; }
FFTCONV_PRELUDE vi select(vp p, vi a, vi b) { return p != 0 ? a : b; }
FFTCONV_PRELUDE vu select(vp p, vu a, vu b) { return p != 0 ? a : b; }
FFTCONV_PRELUDE vf select(vp p, vf a, vf b) { return p != 0 ? a : b; }
FFTCONV_PRELUDE vf fma_f32(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }
