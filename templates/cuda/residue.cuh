// Rows whose spectrum is too large for a block's shared memory: the outermost digit splits the convolution modulo
// x^M - i into RESIDUES independent ones of M / RESIDUES points, which the block computes one after another in the same
// slabs. Each reads the whole row and adds its part to the whole of y; both stay in L2 between residues. Partial sums are
// rounded to the I/O type.
//   Z_j[m] = sum_n A[j][n] u[n M / RESIDUES + m],  y[n M / RESIDUES + m] += Re(conj(A[j][n]) Z_j[m])
constexpr int RESIDUE_POINTS = M / RESIDUES;
constexpr int RESIDUE_PARTS = R * C / 64;  // pairs of neighbouring samples of a slab that a lane takes
constexpr bool PAIRS_ALIGNED = COPY >= 2 * IO_SIZE;

struct residue_weights {  // row j of A
  vf re[RESIDUES], im[RESIDUES];
};
FFTCONV_DEVICE residue_weights load_weights(const void* tables, int j) {
  residue_weights w;
#pragma unroll
  for (int n = 0; n < RESIDUES; ++n) {
    const u32x2 v = ldc_u32x2(tables, (vi)(TABLE_RESIDUE + (j * RESIDUES + n) * 8));
    w.re[n] = as_float(v.x), w.im[n] = as_float(v.y);
  }
  return w;
}

// Samples n and n + 1 of a row in global memory, zero from L on.
FFTCONV_DEVICE floats load_samples(const void* row, vi n) {
  const vp one = n < L, two = n + 1 < L;
  if constexpr (IO_SIZE == 4 && PAIRS_ALIGNED) {
    const u32x2 v = ldg_u32x2(row, n * 4, one);
    return {as_float(v.x), as_float(v.y)};
  } else if constexpr (IO_SIZE == 4) {
    return {as_float(ldg_u32(row, n * 4, one)), as_float(ldg_u32(row, n * 4 + 4, two))};
  } else {
    vu v;
    if constexpr (PAIRS_ALIGNED) v = ldg_u32(row, n * 2, one);
    if constexpr (!PAIRS_ALIGNED) v = ldg_u16(row, n * 2, one) | (ldg_u16(row, n * 2 + 2, two) << 16);
    return samples_of(v);
  }
}
FFTCONV_DEVICE void store_samples(void* row, vi n, floats x) {
  const vp one = n < L, two = n + 1 < L;
  if constexpr (IO_SIZE == 4 && PAIRS_ALIGNED) {
    stg_u32x2(row, n * 4, {as_uint(x.x), as_uint(x.y)}, one);
  } else if constexpr (IO_SIZE == 4) {
    stg_u32(row, n * 4, as_uint(x.x), one);
    stg_u32(row, n * 4 + 4, as_uint(x.y), two);
  } else {
    const vu v = word_of(x);
    if constexpr (PAIRS_ALIGNED) stg_u32(row, n * 2, v, one);
    if constexpr (!PAIRS_ALIGNED) {
      stg_u16(row, n * 2, v, one);
      stg_u16(row, n * 2 + 2, v >> 16, two);
    }
  }
}

// The pair of samples number `part` of a lane: its first sample in the slab, and its place.
FFTCONV_DEVICE vi pair_sample(int part) { return (lane_id() + part * 32) * 2; }
FFTCONV_DEVICE vi pair_offset(vi n) {
  const vi r = n / C, c = n % C;
  return chunk_offset_of(r, c >> 3) + (c & 7) * 2;
}

FFTCONV_DEVICE void load_residue(const void* row, vi spectrum, const residue_weights& w, int warp) {
#pragma unroll 1
  for (int q = warp; q < Q; q += WARPS) {
    const vi slab = spectrum + slab_offset(q, 0);
#pragma unroll 1
    for (int part = 0; part < RESIDUE_PARTS; ++part) {
      const vi n = pair_sample(part), m = n + q * (R * C);
      floats re = zero_floats(), im = zero_floats();
#pragma unroll
      for (int d = 0; d < RESIDUES; ++d) {
        const floats u = load_samples(row, m + d * RESIDUE_POINTS);
        add_product(re, u, w.re[d]);
        add_product(im, u, w.im[d]);
      }
      store_complex(slab + pair_offset(n), re, im);
    }
  }
}

FFTCONV_DEVICE void add_residue(void* row, vi spectrum, const residue_weights& w, bool is_first, int warp) {
#pragma unroll 1
  for (int q = warp; q < Q; q += WARPS) {
    const vi slab = spectrum + slab_offset(q, 0);
#pragma unroll 1
    for (int part = 0; part < RESIDUE_PARTS; ++part) {
      const vi n = pair_sample(part), m = n + q * (R * C);
      floats re, im;
      load_complex(slab + pair_offset(n), re, im);
#pragma unroll
      for (int d = 0; d < RESIDUES; ++d) {
        floats y = zero_floats();
        if (!is_first) y = load_samples(row, m + d * RESIDUE_POINTS);
        add_product(y, re, w.re[d]);
        add_product(y, im, w.im[d]);
        store_samples(row, m + d * RESIDUE_POINTS, y);
      }
    }
  }
}
