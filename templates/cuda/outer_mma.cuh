// One outer digit of D points on tensor cores, in place in shared memory: D = 16 NB, or D = 2, 4, 8 as a block-diagonal
// matrix of 16 (NB = 1). The digit runs over D slabs, `step` bytes apart; a unit of work is WIDTH chunks of columns at one
// r (at 16 / D of them). The digit's matrix is symmetric (a half-shifted DFT),
// so that forward and inverse share its fragments:
//   A[k][n] = exp(-2 pi i (n + phi)(k + phi) / N) / sqrt(N)
// A unit's place: where its columns lie in the rows of u and y, and in the spectrum.
struct outer_unit {
  vi io, io_second;  // slab of the row (and of the second row where two are paired)
  int io_step;
  vi slab;
  int step;
  int r, h;
};

FFTCONV_DEVICE constexpr int blocks_of(int points) { return (points + 15) / 16; }

template <int D, int WIDTH>
FFTCONV_DEVICE void load_real(const outer_unit& at, vi io, operand (&x)[blocks_of(D)][WIDTH][2]) {
#pragma unroll
  for (int k = 0; k < blocks_of(D); ++k) {
#pragma unroll
    for (int j = 0; j < WIDTH; j += 2) {
      const operand4 v = io_operands_across<D>(io + k * 16 * at.io_step, at.io_step, at.r, at.h + j);
      x[k][j][0] = v.x, x[k][j][1] = v.y, x[k][j + 1][0] = v.z, x[k][j + 1][1] = v.w;
    }
  }
}
template <int D, int WIDTH>
FFTCONV_DEVICE void load_spectrum(const outer_unit& at, complex_operand (&x)[blocks_of(D)][WIDTH]) {
#pragma unroll
  for (int k = 0; k < blocks_of(D); ++k) {
    const vi row = at.slab + (digit_of<D>(lane_k()) + k * 16) * at.step, r = row_of_digit<D>(lane_k()) + at.r;
#pragma unroll
    for (int j = 0; j < WIDTH; j += 2) {
      const vi chunk = row + chunk_offset_of(r, lane_h() + (at.h + j));
      const operand4 re = load_operands(chunk, PLANE), im = load_operands(chunk + IMAGINARY, PLANE);
      x[k][j] = {{re.x, re.y}, {im.x, im.y}};
      x[k][j + 1] = {{re.z, re.w}, {im.z, im.w}};
    }
  }
}
template <int D>
FFTCONV_DEVICE void store_spectrum(const outer_unit& at, int first, int j, complex_pair x) {
  const vi k = lane_g() + first;
  const vi to = at.slab + digit_of<D>(k) * at.step + chunk_offset(row_of_digit<D>(k) + at.r, at.h + j) + lane_t() * 4;
  store_pair(to, PLANE, x.re);
  store_pair(to + IMAGINARY, PLANE, x.im);
}
template <int D>
FFTCONV_DEVICE void store_real(const outer_unit& at, vi io, int first, int j, real_pair x) {
  const vi n = lane_g() + first;
  io_store(io + digit_of<D>(n) * at.io_step, row_of_digit<D>(n) + at.r, (vi)(at.h + j), lane_t(), x);
}

// First digit of real rows, half the work: Z[k] = sum_n A[k][n] u[n]
template <int D, int WIDTH, class Matrix>
FFTCONV_DEVICE void outer_from_real(const outer_unit& at, const Matrix& a) {
  operand x[blocks_of(D)][WIDTH][2];
  load_real<D, WIDTH>(at, at.io, x);
#pragma unroll
  for (int m = 0; m < blocks_of(D); ++m) {
    complex_fragment w[blocks_of(D)];
    block_row(a, m, w);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
      complex_accumulator c;
#pragma unroll
      for (int k = 0; k < blocks_of(D); ++k) left_product_of_real(c, w[k], x[k][j][0], x[k][j][1]);
#pragma unroll
      for (int half = 0; half < 2; ++half) store_spectrum<D>(at, 16 * m + 8 * half, j, row_of(c, half));
    }
  }
}

// Last inverse digit of real rows, half the work: y[n] = Re sum_k conj(A[k][n]) Z[k]
template <int D, int WIDTH, class Matrix>
FFTCONV_DEVICE void outer_to_real(const outer_unit& at, const Matrix& a) {
  complex_operand x[blocks_of(D)][WIDTH];
  load_spectrum<D, WIDTH>(at, x);
#pragma unroll
  for (int m = 0; m < blocks_of(D); ++m) {
    complex_fragment w[blocks_of(D)];
    block_row(a, m, w);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
      accumulator c;
#pragma unroll
      for (int k = 0; k < blocks_of(D); ++k) left_product_to_real(c, w[k], x[k][j]);
#pragma unroll
      for (int half = 0; half < 2; ++half) store_real<D>(at, at.io, 16 * m + 8 * half, j, row_of(c, half));
    }
  }
}

enum class ends { spectrum, pair };

// Complex digit, forward or (conjugate) inverse. FROM and TO say whether it starts from, or ends in, two paired real
// rows x = row 0 + i row 1 instead of the spectrum in place.
template <int D, int WIDTH, bool conjugate, ends FROM, ends TO, class Matrix>
FFTCONV_DEVICE void outer_complex(const outer_unit& at, const Matrix& a) {
  complex_operand x[blocks_of(D)][WIDTH];
  if constexpr (FROM == ends::spectrum) {
    load_spectrum<D, WIDTH>(at, x);
  } else {
    operand re[blocks_of(D)][WIDTH][2], im[blocks_of(D)][WIDTH][2];
    load_real<D, WIDTH>(at, at.io, re);
    load_real<D, WIDTH>(at, at.io_second, im);
#pragma unroll
    for (int k = 0; k < blocks_of(D); ++k) {
#pragma unroll
      for (int j = 0; j < WIDTH; ++j) x[k][j] = {{re[k][j][0], re[k][j][1]}, {im[k][j][0], im[k][j][1]}};
    }
  }
  if constexpr (FROM == TO) warp_sync();  // in place: all lanes have read before one writes
#pragma unroll
  for (int m = 0; m < blocks_of(D); ++m) {
    complex_fragment w[blocks_of(D)];
    block_row(a, m, w);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
      complex_accumulator c;
#pragma unroll
      for (int k = 0; k < blocks_of(D); ++k) left_product<conjugate>(c, w[k], x[k][j]);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const complex_pair z = row_of(c, half);
        if constexpr (TO == ends::spectrum) {
          store_spectrum<D>(at, 16 * m + 8 * half, j, z);
        } else {
          store_real<D>(at, at.io, 16 * m + 8 * half, j, z.re);
          store_real<D>(at, at.io_second, 16 * m + 8 * half, j, z.im);
        }
      }
    }
  }
}
