// Engine mma_f16: fp16 operands, fp16 accumulators. An accumulator is an operand as it stands: no conversion at all.
FFTCONV_DEVICE vu x2_mul(vu a, vu b) { return f16x2_mul(a, b); }
FFTCONV_DEVICE vu x2_fma(vu a, vu b, vu c) { return f16x2_fma(a, b, c); }
FFTCONV_DEVICE vu x2_neg(vu a) { return f16x2_neg(a); }
FFTCONV_DEVICE vu x2_pack(vf a, vf b) { return pack_f16x2(a, b); }
FFTCONV_DEVICE vf x2_low(vu a) { return f16x2_low(a); }
FFTCONV_DEVICE vf x2_high(vu a) { return f16x2_high(a); }
@packed
struct accumulator {
  vu d[2] = {(vu)0u, (vu)0u};
};
FFTCONV_DEVICE void product(accumulator& c, const fragment& a, operand b0, operand b1) {
  mma_f16_f16(c.d, a.a, b0.v, b1.v);
}
FFTCONV_DEVICE void product(accumulator& c, const operand (&a)[4], operand b0, operand b1) {
  const vu left[4] = {a[0].v, a[1].v, a[2].v, a[3].v};
  mma_f16_f16(c.d, left, b0.v, b1.v);
}
FFTCONV_DEVICE real_pair row_of(const accumulator& c, int half) { return {c.d[half]}; }
