// Complex matrix products out of real ones. W = C + i S; `neg` is -S, so that no product needs a subtraction.
struct complex_fragment {
  fragment re, im, neg;
};
FFTCONV_DEVICE complex_fragment load_complex_fragment(const void* tables, vi offset) {
  complex_fragment w;
  w.re = load_fragment(tables, offset);
  w.im = load_fragment(tables, offset + FRAGMENT_BYTES);
  w.neg = negate(w.im);
  return w;
}

// A matrix of NB x NB blocks, read block row by block row: from memory where it is used, or from registers.
struct memory_matrix {
  const void* tables;
  int offset;  // bytes
};
struct resident_matrix {
  complex_fragment w;
};
template <int NB>
FFTCONV_DEVICE void block_row(const memory_matrix& a, int m, complex_fragment (&w)[NB]) {
#pragma unroll
  for (int k = 0; k < NB; ++k) {
    w[k] = load_complex_fragment(a.tables, (vi)(a.offset + (m * NB + k) * 2 * FRAGMENT_BYTES));
  }
}
FFTCONV_DEVICE void block_row(const resident_matrix& a, int, complex_fragment (&w)[1]) { w[0] = a.w; }
FFTCONV_DEVICE resident_matrix make_resident(const memory_matrix& a) {
  return {load_complex_fragment(a.tables, (vi)a.offset)};
}

struct complex_operand {  // 16 x 8, the right-hand side
  operand re[2], im[2];   // k = 2 t .. and 2 t + 8 ..
};
struct complex_accumulator {
  accumulator re, im;
};

// c += W x, or conj(W) x
template <bool conjugate>
FFTCONV_DEVICE void left_product(complex_accumulator& c, const complex_fragment& w, const complex_operand& x) {
  product(c.re, w.re, x.re[0], x.re[1]);
  product(c.im, w.re, x.im[0], x.im[1]);
  product(c.re, conjugate ? w.im : w.neg, x.im[0], x.im[1]);
  product(c.im, conjugate ? w.neg : w.im, x.re[0], x.re[1]);
}
// c += W x for real x: half the work
FFTCONV_DEVICE void left_product_of_real(complex_accumulator& c, const complex_fragment& w, operand x0, operand x1) {
  product(c.re, w.re, x0, x1);
  product(c.im, w.im, x0, x1);
}
// c += Re(conj(W) x): half the work
FFTCONV_DEVICE void left_product_to_real(accumulator& c, const complex_fragment& w, const complex_operand& x) {
  product(c, w.re, x.re[0], x.re[1]);
  product(c, w.im, x.im[0], x.im[1]);
}
// c += x W for a 16 x 16 block x of rows and one half (8 columns) of W
FFTCONV_DEVICE void right_product(complex_accumulator& c, const operand (&re)[4], const operand (&im)[4],
                                  const complex_fragment& w, int half) {
  product(c.re, re, right_operand(w.re, half, 0), right_operand(w.re, half, 1));
  product(c.im, im, right_operand(w.re, half, 0), right_operand(w.re, half, 1));
  product(c.re, im, right_operand(w.neg, half, 0), right_operand(w.neg, half, 1));
  product(c.im, re, right_operand(w.im, half, 0), right_operand(w.im, half, 1));
}
FFTCONV_DEVICE complex_pair row_of(const complex_accumulator& c, int half) {
  return {row_of(c.re, half), row_of(c.im, half)};
}
