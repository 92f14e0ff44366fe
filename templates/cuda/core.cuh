// The two inner digits of one slab, chained in registers: no shared memory, no shuffle. An accumulator as it stands is
// the right-hand operand that contracts its columns (and transposes), or the left-hand operand that contracts them in
// place. With rows a, columns b and a hat for a transformed digit:
//   X (a, b) --A--> (a^, b) --T--> --W--> (a^, b^) --K--> --conj W--> (b, a^) --conj T'--> --conj A--> (a, b)
// RB, CB: blocks of 16 rows and columns. Matrices are symmetric; T is a twiddle on (a^, b), T' its transpose.
constexpr int RB = R / 16;
constexpr int CB = C / 16;

// The constants of a slab: its own matrix A, twiddle T and filter spectrum K, and where they are.
struct slab_tables {  // in memory, read where used
  memory_matrix a;
  const void* tables;
  const void* spectrum;
  int twiddle, twiddle_transposed, kernel;  // byte offsets
};
FFTCONV_DEVICE tile twiddle_tile(const slab_tables& s, int m, int j) {
  return load_tile(s.tables, (vi)(s.twiddle + (m * 2 * CB + j) * TILE_BYTES));
}
FFTCONV_DEVICE tile twiddle_tile_transposed(const slab_tables& s, int m, int j) {
  return load_tile(s.tables, (vi)(s.twiddle_transposed + (m * 2 * RB + j) * TILE_BYTES));
}
FFTCONV_DEVICE tile kernel_tile(const slab_tables& s, int m, int j) {
  return load_tile(s.spectrum, (vi)(s.kernel + (m * 2 * CB + j) * TILE_BYTES));
}

struct resident_tables {  // in registers; cores of 16 x 16 only, where T' is T
  resident_matrix a;
  tile t[2], k[2];
};
FFTCONV_DEVICE tile twiddle_tile(const resident_tables& s, int, int j) { return s.t[j]; }
FFTCONV_DEVICE tile twiddle_tile_transposed(const resident_tables& s, int, int j) { return s.t[j]; }
FFTCONV_DEVICE tile kernel_tile(const resident_tables& s, int, int j) { return s.k[j]; }
FFTCONV_DEVICE void make_resident_twiddle(const slab_tables& s, resident_tables& r) {
  r.a = make_resident(s.a);
#pragma unroll
  for (int j = 0; j < 2; ++j) r.t[j] = twiddle_tile(s, 0, j);
}
FFTCONV_DEVICE void make_resident_kernel(const slab_tables& s, resident_tables& r) {
#pragma unroll
  for (int j = 0; j < 2; ++j) r.k[j] = kernel_tile(s, 0, j);
}

// W, the plain DFT of C points, as left-hand and as right-hand operand.
template <class Matrix>
struct column_matrices {
  Matrix left, right;
};

// A's rows: (a, b) -> (a^, b), then the twiddle T.
template <bool REAL, class Tables>
FFTCONV_DEVICE void core_rows(const Tables& s, const complex_operand (&x)[RB][2 * CB], complex_pair (&d)[RB][2 * CB][2]) {
#pragma unroll
  for (int m = 0; m < RB; ++m) {
    complex_fragment w[RB];
    block_row(s.a, m, w);
#pragma unroll
    for (int j = 0; j < 2 * CB; ++j) {
      complex_accumulator c;
#pragma unroll
      for (int k = 0; k < RB; ++k) {
        if constexpr (REAL) left_product_of_real(c, w[k], x[k][j].re[0], x[k][j].re[1]);
        if constexpr (!REAL) left_product<false>(c, w[k], x[k][j]);
      }
      const tile t = twiddle_tile(s, m, j);
#pragma unroll
      for (int half = 0; half < 2; ++half) d[m][j][half] = multiply(row_of(c, half), t.row[half]);
    }
  }
}

// W on the columns: (a^, b) -> (a^, b^), then the filter's spectrum K.
template <class Tables, class Columns>
FFTCONV_DEVICE void core_columns(const Tables& s, const Columns& columns, const complex_pair (&d)[RB][2 * CB][2],
                                 complex_pair (&e)[RB][2 * CB][2]) {
#pragma unroll
  for (int n = 0; n < CB; ++n) {
    complex_fragment w[CB];
    block_row(columns.right, n, w);
#pragma unroll
    for (int m = 0; m < RB; ++m) {
#pragma unroll
      for (int side = 0; side < 2; ++side) {
        complex_accumulator c;
#pragma unroll
        for (int k = 0; k < CB; ++k) {
          const complex_pair(&l)[2] = d[m][2 * k];
          const complex_pair(&r)[2] = d[m][2 * k + 1];
          const operand re[4] = {to_operand(l[0].re), to_operand(l[1].re), to_operand(r[0].re), to_operand(r[1].re)};
          const operand im[4] = {to_operand(l[0].im), to_operand(l[1].im), to_operand(r[0].im), to_operand(r[1].im)};
          right_product(c, re, im, w[k], side);
        }
        const tile kernel = kernel_tile(s, m, 2 * n + side);
#pragma unroll
        for (int half = 0; half < 2; ++half) e[m][2 * n + side][half] = multiply(row_of(c, half), kernel.row[half]);
      }
    }
  }
}

FFTCONV_DEVICE complex_operand transposed(complex_pair l, complex_pair r) {
  return {{to_operand(l.re), to_operand(r.re)}, {to_operand(l.im), to_operand(r.im)}};
}

// conj W: (a^, b^) -> (b, a^), then conj T'.
template <class Tables, class Columns>
FFTCONV_DEVICE void core_inverse_columns(const Tables& s, const Columns& columns, const complex_pair (&e)[RB][2 * CB][2],
                                         complex_pair (&f)[CB][2 * RB][2]) {
#pragma unroll
  for (int m = 0; m < CB; ++m) {
    complex_fragment w[CB];
    block_row(columns.left, m, w);
#pragma unroll
    for (int j = 0; j < 2 * RB; ++j) {
      complex_accumulator c;
#pragma unroll
      for (int k = 0; k < CB; ++k) {
        left_product<true>(c, w[k], transposed(e[j / 2][2 * k][j % 2], e[j / 2][2 * k + 1][j % 2]));
      }
      const tile t = twiddle_tile_transposed(s, m, j);
#pragma unroll
      for (int half = 0; half < 2; ++half) f[m][j][half] = multiply_conjugate(row_of(c, half), t.row[half]);
    }
  }
}

// conj A: (b, a^) -> (a, b). store(m, j, c) takes the accumulator of rows 16 m .. and columns 8 j ..
template <bool REAL, class Tables, class Store>
FFTCONV_DEVICE void core_inverse_rows(const Tables& s, const complex_pair (&f)[CB][2 * RB][2], const Store& store) {
#pragma unroll
  for (int m = 0; m < RB; ++m) {
    complex_fragment w[RB];
    block_row(s.a, m, w);
#pragma unroll
    for (int j = 0; j < 2 * CB; ++j) {
      complex_accumulator c;
#pragma unroll
      for (int k = 0; k < RB; ++k) {
        const complex_operand x = transposed(f[j / 2][2 * k][j % 2], f[j / 2][2 * k + 1][j % 2]);
        if constexpr (REAL) left_product_to_real(c.re, w[k], x);
        if constexpr (!REAL) left_product<true>(c, w[k], x);
      }
      store(m, j, c);
    }
  }
}

template <bool REAL, class Tables, class Columns, class Store>
FFTCONV_DEVICE void core(const Tables& s, const Columns& columns, const complex_operand (&x)[RB][2 * CB],
                         const Store& store) {
  complex_pair d[RB][2 * CB][2], e[RB][2 * CB][2], f[CB][2 * RB][2];
  core_rows<REAL>(s, x, d);
  core_columns(s, columns, d, e);
  core_inverse_columns(s, columns, e, f);
  core_inverse_rows<REAL>(s, f, store);
}

// Operands and results of a slab of the spectrum, in place. A warp owns the slab: its lanes wait for each other.
FFTCONV_DEVICE void load_slab(vi slab, complex_operand (&x)[RB][2 * CB]) {
#pragma unroll
  for (int k = 0; k < RB; ++k) {
#pragma unroll
    for (int j = 0; j < 2 * CB; j += 2) {
      const vi chunk = slab + chunk_offset_of(lane_k() + 16 * k, lane_h() + j);
      const operand4 re = load_operands(chunk, PLANE), im = load_operands(chunk + IMAGINARY, PLANE);
      x[k][j] = {{re.x, re.y}, {im.x, im.y}};
      x[k][j + 1] = {{re.z, re.w}, {im.z, im.w}};
    }
  }
}
FFTCONV_DEVICE void store_slab_tile(vi slab, int m, int j, const complex_accumulator& c) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const complex_pair z = row_of(c, half);
    const vi to = slab + chunk_offset(lane_g() + (16 * m + 8 * half), j) + lane_t() * 4;
    store_pair(to, PLANE, z.re);
    store_pair(to + IMAGINARY, PLANE, z.im);
  }
}
// The same where the slab is a whole row (p = 2).
FFTCONV_DEVICE void load_row_operands(vi row, operand (&x)[RB][2 * CB][2]) {
#pragma unroll
  for (int k = 0; k < RB; ++k) {
#pragma unroll
    for (int j = 0; j < 2 * CB; j += 2) {
      const operand4 v = io_operands_within(row, 16 * k, j);
      x[k][j][0] = v.x, x[k][j][1] = v.y, x[k][j + 1][0] = v.z, x[k][j + 1][1] = v.w;
    }
  }
}
FFTCONV_DEVICE void store_row_tile(vi row, int m, int j, const accumulator& c) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    io_store(row, lane_g() + (16 * m + 8 * half), (vi)j, lane_t(), row_of(c, half));
  }
}
