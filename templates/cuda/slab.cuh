// A slab is what one (k1[, k2]) owns: R x C numbers n = r C + c, in 16-byte chunks of 8 neighbouring c. Chunks of one
// column of chunks lie side by side, so that ldmatrix reads 8 rows without a bank conflict; the exclusive-or makes the
// copies to and from global memory, which run along c, free of conflicts too.
constexpr int CHUNKS = R * C / 8;                // of one plane
constexpr int PLANE = CHUNKS * 16;               // bytes
constexpr int SLAB = 2 * PLANES * PLANE + 16;    // complex slab: re planes, im planes; an odd number of chunks
constexpr int IMAGINARY = PLANES * PLANE;        // bytes from a real part to its imaginary part
constexpr int SLAB_STEP2 = SLAB;                 // from k2 to k2 + 1
constexpr int SLAB_STEP1 = N2_OUTER * SLAB + (N2_OUTER % 2 == 0 ? 16 : 0);  // from k1 to k1 + 1: odd chunks again
constexpr int SPECTRUM_BYTES = Q == 1 ? 0 : N1_OUTER * SLAB_STEP1;          // of one row in shared memory

FFTCONV_DEVICE int slab_offset(int i1, int i2) { return i1 * SLAB_STEP1 + i2 * SLAB_STEP2; }
FFTCONV_DEVICE constexpr int swizzle(int h) { return (h * SWIZZLE) & 7; }

// Byte offset in a plane of the chunk (r, h), c = 8 h .. The exclusive-or stays within 8 rows: written so, the compiler
// sees that a multiple of 8 rows is a constant to add.
FFTCONV_DEVICE vi chunk_offset(vi r, int h) { return ((r & 7) ^ swizzle(h)) * 16 + (r >> 3) * 128 + h * (R * 16); }
FFTCONV_DEVICE vi chunk_offset_of(vi r, vi h) {
  return ((r & 7) ^ ((h * SWIZZLE) & 7)) * 16 + (r >> 3) * 128 + h * (R * 16);
}

// Rows that ldmatrix takes from lane: k = lane % 16 of a 16 x 8 block, two blocks of columns h and h + 1.
FFTCONV_DEVICE vi lane_k() { return lane_id() & 15; }
FFTCONV_DEVICE vi lane_h() { return lane_id() >> 4; }

// A digit of D points as the contracted index k of 16: D = 2, 4 or 8 fills it with 16 / D columns r side by side, and the
// matrix is block-diagonal. Offsets of r are such that 8 neighbouring k lie in different banks.
template <int D>
FFTCONV_DEVICE vi digit_of(vi k) {
  if constexpr (D < 16) return k % D;
  return k;
}
template <int D>
FFTCONV_DEVICE vi row_of_digit(vi k) {
  if constexpr (D < 16) return k / D % (8 / D) * D + k / 8;
  return (vi)0;
}

FFTCONV_DEVICE vi lane_g() { return lane_id() >> 2; }
FFTCONV_DEVICE vi lane_t() { return lane_id() & 3; }
