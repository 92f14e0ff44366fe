// One outer left-over digit of N = 2, 3, 4, 5 or 8 points on CUDA cores, fp32 arithmetic, in place in shared memory. A
// lane owns two neighbouring columns of all N slabs, so that no barrier stands between its reads and its writes.
// The pair of columns number i of a slab, in the order of the spectrum's words.
struct column_pair {
  vi r, h, t, word;
};
FFTCONV_DEVICE column_pair columns_of(int i) {
  const vi word = lane_id() + i, chunk = word >> 2, h = chunk / R;
  return {(chunk % R) ^ ((h * SWIZZLE) & 7), h, word & 3, word * 4};
}

struct outer_columns {
  vi io, io_second;
  int io_step;
  vi slab;
  int step;
};

// First digit: Z[k] = sum_n A[k][n] u[n] with A = RE + i IM; PAIRED takes u = row 0 + i row 1.
template <int N, bool PAIRED>
FFTCONV_DEVICE void fma_from_real(const outer_columns& at, int i, const float (&RE)[N][N], const float (&IM)[N][N]) {
  const column_pair c = columns_of(i);
  floats u[N], v[N];
#pragma unroll
  for (int n = 0; n < N; ++n) {
    u[n] = unpack(io_load(at.io + n * at.io_step, c.r, c.h, c.t));
    if constexpr (PAIRED) v[n] = unpack(io_load(at.io_second + n * at.io_step, c.r, c.h, c.t));
  }
#pragma unroll
  for (int k = 0; k < N; ++k) {
    floats re = zero_floats(), im = zero_floats();
#pragma unroll
    for (int n = 0; n < N; ++n) {
      add_product(re, u[n], (vf)RE[k][n]);
      add_product(im, u[n], (vf)IM[k][n]);
      if constexpr (PAIRED) {
        add_product(re, v[n], (vf)-IM[k][n]);
        add_product(im, v[n], (vf)RE[k][n]);
      }
    }
    store_complex(at.slab + k * at.step + c.word, re, im);
  }
}

// Last inverse digit: y[n] = Re sum_k conj(A[k][n]) Z[k]; PAIRED keeps the imaginary part as row 1.
template <int N, bool PAIRED>
FFTCONV_DEVICE void fma_to_real(const outer_columns& at, int i, const float (&RE)[N][N], const float (&IM)[N][N]) {
  const column_pair c = columns_of(i);
  floats re[N], im[N];
#pragma unroll
  for (int k = 0; k < N; ++k) load_complex(at.slab + k * at.step + c.word, re[k], im[k]);
#pragma unroll
  for (int n = 0; n < N; ++n) {
    floats y = zero_floats(), z = zero_floats();
#pragma unroll
    for (int k = 0; k < N; ++k) {
      add_product(y, re[k], (vf)RE[k][n]);
      add_product(y, im[k], (vf)IM[k][n]);
      if constexpr (PAIRED) {
        add_product(z, im[k], (vf)RE[k][n]);
        add_product(z, re[k], (vf)-IM[k][n]);
      }
    }
    io_store(at.io + n * at.io_step, c.r, c.h, c.t, repack(y));
    if constexpr (PAIRED) io_store(at.io_second + n * at.io_step, c.r, c.h, c.t, repack(z));
  }
}

// A middle digit, in place: twiddle exp(-2 pi i n phi / N) from the table at `twiddle` (N complex fp32), then the plain
// DFT RE + i IM; the inverse runs backwards with conjugates.
template <int N>
FFTCONV_DEVICE void load_twiddles(const void* tables, int twiddle, vf (&re)[N], vf (&im)[N]) {
#pragma unroll
  for (int n = 0; n < N; ++n) {
    const u32x2 w = ldc_u32x2(tables, (vi)(twiddle + n * 8));
    re[n] = as_float(w.x), im[n] = as_float(w.y);
  }
}
template <int N>
FFTCONV_DEVICE void fma_forward(const outer_columns& at, int i, const void* tables, int twiddle,
                                const float (&RE)[N][N], const float (&IM)[N][N]) {
  const column_pair c = columns_of(i);
  vf wr[N], wi[N];
  load_twiddles<N>(tables, twiddle, wr, wi);
  floats re[N], im[N];
#pragma unroll
  for (int n = 0; n < N; ++n) {
    floats x, y;
    load_complex(at.slab + n * at.step + c.word, x, y);
    re[n] = im[n] = zero_floats();
    add_product(re[n], x, wr[n]);
    add_product(re[n], y, -wi[n]);
    add_product(im[n], x, wi[n]);
    add_product(im[n], y, wr[n]);
  }
#pragma unroll
  for (int k = 0; k < N; ++k) {
    floats x = zero_floats(), y = zero_floats();
#pragma unroll
    for (int n = 0; n < N; ++n) {
      add_product(x, re[n], (vf)RE[k][n]);
      add_product(x, im[n], (vf)-IM[k][n]);
      add_product(y, re[n], (vf)IM[k][n]);
      add_product(y, im[n], (vf)RE[k][n]);
    }
    store_complex(at.slab + k * at.step + c.word, x, y);
  }
}
template <int N>
FFTCONV_DEVICE void fma_inverse(const outer_columns& at, int i, const void* tables, int twiddle,
                                const float (&RE)[N][N], const float (&IM)[N][N]) {
  const column_pair c = columns_of(i);
  vf wr[N], wi[N];
  load_twiddles<N>(tables, twiddle, wr, wi);
  floats re[N], im[N];
#pragma unroll
  for (int k = 0; k < N; ++k) load_complex(at.slab + k * at.step + c.word, re[k], im[k]);
#pragma unroll
  for (int n = 0; n < N; ++n) {
    floats x = zero_floats(), y = zero_floats();
#pragma unroll
    for (int k = 0; k < N; ++k) {  // conj(A[k][n]) = RE - i IM
      add_product(x, re[k], (vf)RE[k][n]);
      add_product(x, im[k], (vf)IM[k][n]);
      add_product(y, im[k], (vf)RE[k][n]);
      add_product(y, re[k], (vf)-IM[k][n]);
    }
    floats a = zero_floats(), b = zero_floats();  // conj(twiddle)
    add_product(a, x, wr[n]);
    add_product(a, y, wi[n]);
    add_product(b, y, wr[n]);
    add_product(b, x, -wi[n]);
    store_complex(at.slab + n * at.step + c.word, a, b);
  }
}
