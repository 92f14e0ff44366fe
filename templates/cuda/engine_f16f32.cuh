// Engine mma_f16f32: fp16 operands, fp32 accumulators, rounded to fp16 between stages.
FFTCONV_DEVICE vu x2_mul(vu a, vu b) { return f16x2_mul(a, b); }
FFTCONV_DEVICE vu x2_fma(vu a, vu b, vu c) { return f16x2_fma(a, b, c); }
FFTCONV_DEVICE vu x2_neg(vu a) { return f16x2_neg(a); }
FFTCONV_DEVICE vu x2_pack(vf a, vf b) { return pack_f16x2(a, b); }
FFTCONV_DEVICE vf x2_low(vu a) { return f16x2_low(a); }
FFTCONV_DEVICE vf x2_high(vu a) { return f16x2_high(a); }
@packed
struct accumulator {
  vf d[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};
};
FFTCONV_DEVICE void product(accumulator& c, const fragment& a, operand b0, operand b1) {
  mma_f16_f32(c.d, a.a, b0.v, b1.v);
}
FFTCONV_DEVICE void product(accumulator& c, const operand (&a)[4], operand b0, operand b1) {
  const vu left[4] = {a[0].v, a[1].v, a[2].v, a[3].v};
  mma_f16_f32(c.d, left, b0.v, b1.v);
}
FFTCONV_DEVICE real_pair row_of(const accumulator& c, int half) {
  return {pack_f16x2(c.d[2 * half], c.d[2 * half + 1])};
}
