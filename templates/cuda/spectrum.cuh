// The filter's spectrum, once per filter, on CUDA cores in fp32: a block takes one filter after another, its transform
// lives in global scratch between digits. With tap(l) the tap at lag l, 0 where there is none:
//   x[n] = tap(n) - i tap(n - M), 0 <= n < M          a tap at lag -m stands at M - m, since x^M = i
//   K[k] = sum_n x[n] exp(-2 pi i (k - THETA) n / M)   THETA = 1/4, or 0 where rows are paired
// n = n1 M / N1 + n2 M / (N1 N2) + ..., k = k1 + N1 k2 + ...; digit by digit, in place:
//   z[k_d] = sum_{n_d} z[n_d] exp(-2 pi i n_d (k_d Q + q) / (Q N_d)),  q = k1 + N1 k2 + ..., Q = N1 ... N_{d-1}
// with all roots from one table of exp(-2 pi i j / M) and the weights exp(2 pi i THETA n / M) from another.
struct complex {
  vf re, im;
};
FFTCONV_DEVICE complex load_root(const void* tables, int table, vi j) {
  const u32x2 w = ldc_u32x2(tables, j * 8 + table);
  return {as_float(w.x), as_float(w.y)};
}
FFTCONV_DEVICE complex multiply(complex a, complex b) {
  return {fma_f32(a.re, b.re, -(a.im * b.im)), fma_f32(a.re, b.im, a.im * b.re)};
}

FFTCONV_DEVICE vf tap(const void* filter, vi lag) {
  const vi signed_lag = lag * LAG_STEP;
  vi j = signed_lag - LAG_STEP * FIRST_LAG;
  vp valid = (j >= 0) & (j < FILTER_LEN);
  if constexpr (CIRCULAR) {  // lags modulo L, from -(L - 1) to L - 1
    j = select(signed_lag < 0, signed_lag + L, signed_lag);
    valid = (j >= 0) & (j < FILTER_LEN) & (lag < L) & (lag > -L);
  }
  return as_float(ldg_u32(filter, select(valid, j * 4, (vi)0), valid));
}

// x[n] with its weight.
FFTCONV_DEVICE complex weighted_taps(const void* filter, const void* tables, vi n) {
  if constexpr (PAIRED) return {tap(filter, n), (vf)0.0f};
  const complex x = {tap(filter, n), -tap(filter, n - M)};
  return multiply(x, load_root(tables, TABLE_WEIGHTS, n));
}

// A column of digit d: `q` counts the transformed digits in the order of scratch, `rest` the untransformed ones, and
// `order` is q as a number, k1 + N1 k2 + ... Lanes past the last column (`valid` is false) compute column 0 in vain.
struct column {
  vi q, order, rest;
  vp valid;
};
template <int N, int Q_BEFORE, bool FIRST_DIGIT>
FFTCONV_DEVICE void load_column(const void* filter, const void* tables, const void* scratch, const column& at,
                                complex (&x)[N]) {
  constexpr int AFTER = M / (Q_BEFORE * N);
#pragma unroll
  for (int n = 0; n < N; ++n) {
    if constexpr (FIRST_DIGIT) {
      x[n] = weighted_taps(filter, tables, at.rest + n * AFTER);
    } else {
      const u32x2 v = ldg_u32x2(scratch, ((at.q * N + n) * AFTER + at.rest) * 8);
      x[n] = multiply({as_float(v.x), as_float(v.y)}, load_root(tables, TABLE_ROOTS, at.order * (n * AFTER)));
    }
  }
}
template <int N>
FFTCONV_DEVICE complex dft_output(const void* tables, const complex (&x)[N], int k) {
  complex sum = {(vf)0.0f, (vf)0.0f};
#pragma unroll
  for (int n = 0; n < N; ++n) {
    const complex w = load_root(tables, TABLE_ROOTS, (vi)((n * k) % N * (M / N)));
    sum.re = fma_f32(x[n].re, w.re, fma_f32(-x[n].im, w.im, sum.re));
    sum.im = fma_f32(x[n].re, w.im, fma_f32(x[n].im, w.re, sum.im));
  }
  return sum;
}
template <int N, int Q_BEFORE, bool FIRST_DIGIT>
FFTCONV_DEVICE void outer_digit(const void* filter, const void* tables, void* scratch, const column& at) {
  constexpr int AFTER = M / (Q_BEFORE * N);
  complex x[N];
  load_column<N, Q_BEFORE, FIRST_DIGIT>(filter, tables, scratch, at, x);
#pragma unroll 1
  for (int k = 0; k < N; ++k) {
    const complex z = dft_output<N>(tables, x, k);
    stg_u32x2(scratch, ((at.q * N + k) * AFTER + at.rest) * 8, {as_uint(z.re), as_uint(z.im)}, at.valid);
  }
}
