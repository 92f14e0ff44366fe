// Engine mma_split: fp32 values as two fp16 operands, x = hi + lo / 2^11, three products with fp32 accumulators:
// a b = hi hi + (hi lo + lo hi) / 2^11, the term lo lo / 2^22 left out. Values stay fp32 between stages.
constexpr int PLANES = 2;  // 16-bit planes that hold one real number in shared memory: hi, lo
constexpr int FRAGMENT_BYTES = 1024;  // a real 16 x 16 matrix in fragment order: hi, lo
constexpr int TILE_BYTES = 1024;      // a complex 16 x 8 tile in accumulator order, fp32
constexpr float SPLIT = 0x1p11f;
constexpr float JOIN = 0x1p-11f;

struct real_pair {
  vf x, y;
};
struct operand {  // two neighbouring numbers, as matrix products take them
  vu hi, lo;
};
struct complex_pair {
  real_pair re, im;
};
struct fragment {
  operand a[4];
};

FFTCONV_DEVICE real_pair make_pair(vf first, vf second) { return {first, second}; }
FFTCONV_DEVICE vf first(real_pair x) { return x.x; }
FFTCONV_DEVICE vf second(real_pair x) { return x.y; }
FFTCONV_DEVICE operand to_operand(real_pair x) {
  const vu hi = pack_f16x2(x.x, x.y);
  return {hi, pack_f16x2((x.x - f16x2_low(hi)) * SPLIT, (x.y - f16x2_high(hi)) * SPLIT)};
}

FFTCONV_DEVICE complex_pair multiply(complex_pair a, complex_pair w) {
  return {{fma_f32(a.re.x, w.re.x, -(a.im.x * w.im.x)), fma_f32(a.re.y, w.re.y, -(a.im.y * w.im.y))},
          {fma_f32(a.re.x, w.im.x, a.im.x * w.re.x), fma_f32(a.re.y, w.im.y, a.im.y * w.re.y)}};
}
FFTCONV_DEVICE complex_pair multiply_conjugate(complex_pair a, complex_pair w) {
  return {{fma_f32(a.re.x, w.re.x, a.im.x * w.im.x), fma_f32(a.re.y, w.re.y, a.im.y * w.im.y)},
          {fma_f32(a.im.x, w.re.x, -(a.re.x * w.im.x)), fma_f32(a.im.y, w.re.y, -(a.re.y * w.im.y))}};
}

FFTCONV_DEVICE fragment load_fragment(const void* tables, vi offset) {
  const u32x4 hi = ldc_u32x4(tables, offset + lane_id() * 16);
  const u32x4 lo = ldc_u32x4(tables, offset + lane_id() * 16 + 512);
  return {{{hi.x, lo.x}, {hi.y, lo.y}, {hi.z, lo.z}, {hi.w, lo.w}}};
}
FFTCONV_DEVICE fragment negate(const fragment& f) {
  fragment n;
#pragma unroll
  for (int i = 0; i < 4; ++i) n.a[i] = {f16x2_neg(f.a[i].hi), f16x2_neg(f.a[i].lo)};
  return n;
}
// Two 16 x 8 halves of a 16 x 16 matrix as right-hand operands.
FFTCONV_DEVICE operand right_operand(const fragment& f, int half, int k) { return f.a[2 * half + k]; }

struct tile {
  complex_pair row[2];  // rows g and g + 8, columns 2 t and 2 t + 1
};
FFTCONV_DEVICE tile load_tile(const void* base, vi offset) {
  const u32x4 v = ldc_u32x4(base, offset + lane_id() * 16);
  const u32x4 w = ldc_u32x4(base, offset + lane_id() * 16 + 512);
  return {{{{as_float(v.x), as_float(v.y)}, {as_float(v.z), as_float(v.w)}},
           {{as_float(w.x), as_float(w.y)}, {as_float(w.z), as_float(w.w)}}}};
}

// Shared memory holds each number in PLANES planes, `plane` bytes apart.
FFTCONV_DEVICE void store_pair(vi offset, int plane, real_pair x) {
  const operand o = to_operand(x);
  sts_u32(offset, o.hi);
  sts_u32(offset + plane, o.lo);
}
FFTCONV_DEVICE real_pair load_pair(vi offset, int plane) {
  const vu hi = lds_u32(offset), lo = lds_u32(offset + plane);
  return {fma_f32(f16x2_low(lo), (vf)JOIN, f16x2_low(hi)), fma_f32(f16x2_high(lo), (vf)JOIN, f16x2_high(hi))};
}
struct operand4 {
  operand x, y, z, w;
};
FFTCONV_DEVICE operand4 load_operands(vi row, int plane) {
  const u32x4 hi = ldmatrix_x4_trans(row), lo = ldmatrix_x4_trans(row + plane);
  return {{hi.x, lo.x}, {hi.y, lo.y}, {hi.z, lo.z}, {hi.w, lo.w}};
}

struct accumulator {
  vf d[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};  // hi hi
  vf e[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};  // (hi lo + lo hi) 2^11
};
FFTCONV_DEVICE void product(accumulator& c, const operand (&a)[4], operand b0, operand b1) {
  const vu hi[4] = {a[0].hi, a[1].hi, a[2].hi, a[3].hi}, lo[4] = {a[0].lo, a[1].lo, a[2].lo, a[3].lo};
  mma_f16_f32(c.d, hi, b0.hi, b1.hi);
  mma_f16_f32(c.e, hi, b0.lo, b1.lo);
  mma_f16_f32(c.e, lo, b0.hi, b1.hi);
}
FFTCONV_DEVICE void product(accumulator& c, const fragment& a, operand b0, operand b1) { product(c, a.a, b0, b1); }
FFTCONV_DEVICE real_pair row_of(const accumulator& c, int half) {
  return {fma_f32(c.e[2 * half], (vf)JOIN, c.d[2 * half]), fma_f32(c.e[2 * half + 1], (vf)JOIN, c.d[2 * half + 1])};
}
