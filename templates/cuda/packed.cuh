// Numbers in registers, 16-bit engines: a real_pair is two neighbouring numbers in one register, and an accumulator's
// row is one. x2_mul … are the fp16 or the bf16 forms, chosen by the engine's own file.
constexpr int PLANES = 1;  // 16-bit planes that hold one real number in shared memory
constexpr int FRAGMENT_BYTES = 512;  // a real 16 x 16 matrix in fragment order
constexpr int TILE_BYTES = 512;      // a complex 16 x 8 tile in accumulator order

struct real_pair {
  vu v;
};
typedef real_pair operand;  // what a matrix product takes
struct complex_pair {
  real_pair re, im;
};
struct fragment {
  vu a[4];
};

FFTCONV_DEVICE real_pair make_pair(vf first, vf second) { return {x2_pack(first, second)}; }
FFTCONV_DEVICE vf first(real_pair x) { return x2_low(x.v); }
FFTCONV_DEVICE vf second(real_pair x) { return x2_high(x.v); }
FFTCONV_DEVICE operand to_operand(real_pair x) { return x; }

FFTCONV_DEVICE complex_pair multiply(complex_pair x, complex_pair w) {
  return {{x2_fma(x2_neg(x.im.v), w.im.v, x2_mul(x.re.v, w.re.v))}, {x2_fma(x.re.v, w.im.v, x2_mul(x.im.v, w.re.v))}};
}
FFTCONV_DEVICE complex_pair multiply_conjugate(complex_pair x, complex_pair w) {
  return {{x2_fma(x.re.v, w.re.v, x2_mul(x.im.v, w.im.v))}, {x2_fma(x2_neg(x.re.v), w.im.v, x2_mul(x.im.v, w.re.v))}};
}

FFTCONV_DEVICE fragment load_fragment(const void* tables, vi offset) {
  const u32x4 v = ldc_u32x4(tables, offset + lane_id() * 16);
  return {{v.x, v.y, v.z, v.w}};
}
FFTCONV_DEVICE fragment negate(const fragment& f) {
  return {{x2_neg(f.a[0]), x2_neg(f.a[1]), x2_neg(f.a[2]), x2_neg(f.a[3])}};
}
// Two 16 x 8 halves of a 16 x 16 matrix as right-hand operands.
FFTCONV_DEVICE operand right_operand(const fragment& f, int half, int k) { return {f.a[2 * half + k]}; }

struct tile {
  complex_pair row[2];  // rows g and g + 8, columns 2 t and 2 t + 1
};
FFTCONV_DEVICE tile load_tile(const void* base, vi offset) {
  const u32x4 v = ldc_u32x4(base, offset + lane_id() * 16);
  return {{{{v.x}, {v.y}}, {{v.z}, {v.w}}}};
}

// Shared memory holds each number in PLANES planes, `plane` bytes apart.
FFTCONV_DEVICE void store_pair(vi offset, int plane, real_pair x) { sts_u32(offset, x.v); }
FFTCONV_DEVICE real_pair load_pair(vi offset, int plane) { return {lds_u32(offset)}; }
struct operand4 {
  operand x, y, z, w;
};
FFTCONV_DEVICE operand4 load_operands(vi row, int plane) {
  const u32x4 v = ldmatrix_x4_trans(row);
  return {{v.x}, {v.y}, {v.z}, {v.w}};
}
