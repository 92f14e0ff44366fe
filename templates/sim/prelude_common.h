// The part of the lane interface that is the same for both simulated preludes: memory, order and packed arithmetic
// are functions of the simulator (runtime/src/sim/helpers.h). Lanes travel as arrays [component][lane].
#define FFTCONV_KERNEL(name, threads, blocks_per_sm)         \
  extern "C" const int fftconv_sim_threads_##name = threads; \
  extern "C" void name

// The line of the kernel's text that makes a call. A type of its own, so that no predicate is taken for it.
struct fftconv_line {
  int number;
};
#define FFTCONV_LINE fftconv_line line = {__builtin_LINE()}

struct u32x2 {
  vu x, y;
};
struct u32x4 {
  vu x, y, z, w;
};

extern "C" {
int fftconv_sim_warp();
int fftconv_sim_block(int axis);
void fftconv_sim_lds(void* result, const vi* offset, const vi* mask, int bytes, int line);
void fftconv_sim_sts(const vi* offset, const void* value, const vi* mask, int bytes, int line);
void fftconv_sim_ldmatrix(void* result, const vi* row, int matrices, int transposed, int line);
void fftconv_sim_ldg(void* result, const void* base, const vi* offset, const vi* mask, int bytes, int constant,
                     int line);
void fftconv_sim_stg(void* base, const vi* offset, const void* value, const vi* mask, int bytes, int line);
void fftconv_sim_cp_async(const vi* shared, const void* base, const vi* offset, const vi* mask, int bytes, int line);
void fftconv_sim_cp_async_commit();
void fftconv_sim_cp_async_wait(int pending, int line);
void fftconv_sim_block_sync(int line);
void fftconv_sim_group_sync(int id, int threads, int line);
void fftconv_sim_warp_sync(int line);
void fftconv_sim_mma(void* d, const void* a, const vu* b0, const vu* b1, int kind, int line);
void fftconv_sim_f16x2_add(vu* d, const vu* a, const vu* b, int lanes);
void fftconv_sim_f16x2_mul(vu* d, const vu* a, const vu* b, int lanes);
void fftconv_sim_f16x2_fma(vu* d, const vu* a, const vu* b, const vu* c, int lanes);
void fftconv_sim_bf16x2_fma(vu* d, const vu* a, const vu* b, const vu* c, int lanes);
void fftconv_sim_pack_f16x2(vu* d, const vf* low, const vf* high, int lanes);
void fftconv_sim_pack_bf16x2(vu* d, const vf* low, const vf* high, int lanes);
void fftconv_sim_unpack_f16(vf* d, const vu* a, int shift, int lanes);
}

FFTCONV_PRELUDE int warp_id() { return fftconv_sim_warp(); }
FFTCONV_PRELUDE int block_x() { return fftconv_sim_block(0); }
FFTCONV_PRELUDE int block_y() { return fftconv_sim_block(1); }
FFTCONV_PRELUDE int block_z() { return fftconv_sim_block(2); }

// Order.
FFTCONV_PRELUDE void block_sync(FFTCONV_LINE) { fftconv_sim_block_sync(line.number); }
FFTCONV_PRELUDE void group_sync(int id, int threads, FFTCONV_LINE) {
  fftconv_sim_group_sync(id, threads, line.number);
}
FFTCONV_PRELUDE void warp_sync(FFTCONV_LINE) { fftconv_sim_warp_sync(line.number); }

// Memory: each access with and without a predicate.
#define FFTCONV_ACCESSES(type, suffix, bytes)                                                \
  FFTCONV_PRELUDE type lds_##suffix(vi offset, FFTCONV_LINE) {                               \
    type value;                                                                              \
    fftconv_sim_lds(&value, &offset, FFTCONV_ALL_LANES, bytes, line.number);                 \
    return value;                                                                            \
  }                                                                                          \
  FFTCONV_PRELUDE type lds_##suffix(vi offset, vp p, FFTCONV_LINE) {                         \
    type value;                                                                              \
    vi mask = fftconv_mask(p);                                                               \
    fftconv_sim_lds(&value, &offset, &mask, bytes, line.number);                             \
    return value;                                                                            \
  }                                                                                          \
  FFTCONV_PRELUDE void sts_##suffix(vi offset, type value, FFTCONV_LINE) {                   \
    fftconv_sim_sts(&offset, &value, FFTCONV_ALL_LANES, bytes, line.number);                 \
  }                                                                                          \
  FFTCONV_PRELUDE void sts_##suffix(vi offset, type value, vp p, FFTCONV_LINE) {             \
    vi mask = fftconv_mask(p);                                                               \
    fftconv_sim_sts(&offset, &value, &mask, bytes, line.number);                             \
  }                                                                                          \
  FFTCONV_PRELUDE type ldg_##suffix(const void* base, vi offset, FFTCONV_LINE) {             \
    type value;                                                                              \
    fftconv_sim_ldg(&value, base, &offset, FFTCONV_ALL_LANES, bytes, 0, line.number);        \
    return value;                                                                            \
  }                                                                                          \
  FFTCONV_PRELUDE type ldg_##suffix(const void* base, vi offset, vp p, FFTCONV_LINE) {       \
    type value;                                                                              \
    vi mask = fftconv_mask(p);                                                               \
    fftconv_sim_ldg(&value, base, &offset, &mask, bytes, 0, line.number);                    \
    return value;                                                                            \
  }                                                                                          \
  FFTCONV_PRELUDE type ldc_##suffix(const void* base, vi offset, FFTCONV_LINE) {             \
    type value;                                                                              \
    fftconv_sim_ldg(&value, base, &offset, FFTCONV_ALL_LANES, bytes, 1, line.number);        \
    return value;                                                                            \
  }                                                                                          \
  FFTCONV_PRELUDE type ldc_##suffix(const void* base, vi offset, vp p, FFTCONV_LINE) {       \
    type value;                                                                              \
    vi mask = fftconv_mask(p);                                                               \
    fftconv_sim_ldg(&value, base, &offset, &mask, bytes, 1, line.number);                    \
    return value;                                                                            \
  }                                                                                          \
  FFTCONV_PRELUDE void stg_##suffix(void* base, vi offset, type value, FFTCONV_LINE) {       \
    fftconv_sim_stg(base, &offset, &value, FFTCONV_ALL_LANES, bytes, line.number);           \
  }                                                                                          \
  FFTCONV_PRELUDE void stg_##suffix(void* base, vi offset, type value, vp p, FFTCONV_LINE) { \
    vi mask = fftconv_mask(p);                                                               \
    fftconv_sim_stg(base, &offset, &value, &mask, bytes, line.number);                       \
  }
FFTCONV_ACCESSES(vu, u16, 2)
FFTCONV_ACCESSES(vu, u32, 4)
FFTCONV_ACCESSES(u32x2, u32x2, 8)
FFTCONV_ACCESSES(u32x4, u32x4, 16)

#define FFTCONV_LDMATRIX(type, name, matrices, transposed)                 \
  FFTCONV_PRELUDE type name(vi row, FFTCONV_LINE) {                        \
    type value;                                                            \
    fftconv_sim_ldmatrix(&value, &row, matrices, transposed, line.number); \
    return value;                                                          \
  }
FFTCONV_LDMATRIX(u32x2, ldmatrix_x2, 2, 0)
FFTCONV_LDMATRIX(u32x2, ldmatrix_x2_trans, 2, 1)
FFTCONV_LDMATRIX(u32x4, ldmatrix_x4, 4, 0)
FFTCONV_LDMATRIX(u32x4, ldmatrix_x4_trans, 4, 1)

#define FFTCONV_CP_ASYNC(bytes)                                                                       \
  FFTCONV_PRELUDE void cp_async_##bytes(vi shared, const void* base, vi offset, vp p, FFTCONV_LINE) { \
    vi mask = fftconv_mask(p);                                                                        \
    fftconv_sim_cp_async(&shared, base, &offset, &mask, bytes, line.number);                          \
  }                                                                                                   \
  FFTCONV_PRELUDE void cp_async_##bytes(vi shared, const void* base, vi offset, FFTCONV_LINE) {       \
    fftconv_sim_cp_async(&shared, base, &offset, FFTCONV_ALL_LANES, bytes, line.number);              \
  }
FFTCONV_CP_ASYNC(4)
FFTCONV_CP_ASYNC(8)
FFTCONV_CP_ASYNC(16)
FFTCONV_PRELUDE void cp_async_commit() { fftconv_sim_cp_async_commit(); }
template <int pending>
FFTCONV_PRELUDE void cp_async_wait(FFTCONV_LINE) {
  fftconv_sim_cp_async_wait(pending, line.number);
}

// Packed arithmetic.
FFTCONV_PRELUDE vu f16x2_neg(vu a) { return a ^ (vu)0x80008000u; }
FFTCONV_PRELUDE vu bf16x2_neg(vu a) { return a ^ (vu)0x80008000u; }
FFTCONV_PRELUDE vu f16x2_add(vu a, vu b) {
  vu d;
  fftconv_sim_f16x2_add(&d, &a, &b, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vu f16x2_sub(vu a, vu b) {
  vu d, minus_b = f16x2_neg(b);
  fftconv_sim_f16x2_add(&d, &a, &minus_b, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vu f16x2_mul(vu a, vu b) {
  vu d;
  fftconv_sim_f16x2_mul(&d, &a, &b, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vu f16x2_fma(vu a, vu b, vu c) {
  vu d;
  fftconv_sim_f16x2_fma(&d, &a, &b, &c, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vu bf16x2_fma(vu a, vu b, vu c) {
  vu d;
  fftconv_sim_bf16x2_fma(&d, &a, &b, &c, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vu bf16x2_add(vu a, vu b) { return bf16x2_fma(a, (vu)0x3f803f80u, b); }
FFTCONV_PRELUDE vu bf16x2_sub(vu a, vu b) { return bf16x2_fma(b, (vu)0xbf80bf80u, a); }
FFTCONV_PRELUDE vu bf16x2_mul(vu a, vu b) { return bf16x2_fma(a, b, (vu)0x80008000u); }
FFTCONV_PRELUDE vu pack_f16x2(vf low, vf high) {
  vu d;
  fftconv_sim_pack_f16x2(&d, &low, &high, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vu pack_bf16x2(vf low, vf high) {
  vu d;
  fftconv_sim_pack_bf16x2(&d, &low, &high, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vf f16x2_low(vu a) {
  vf d;
  fftconv_sim_unpack_f16(&d, &a, 0, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vf f16x2_high(vu a) {
  vf d;
  fftconv_sim_unpack_f16(&d, &a, 16, FFTCONV_LANES);
  return d;
}
FFTCONV_PRELUDE vf bf16x2_low(vu a) { return as_float(a << 16); }
FFTCONV_PRELUDE vf bf16x2_high(vu a) { return as_float(a & (vu)0xffff0000u); }

// Matrix products.
FFTCONV_PRELUDE void mma_f16_f16(vu (&d)[2], const vu (&a)[4], vu b0, vu b1, FFTCONV_LINE) {
  fftconv_sim_mma(d, a, &b0, &b1, 0, line.number);
}
FFTCONV_PRELUDE void mma_f16_f32(vf (&d)[4], const vu (&a)[4], vu b0, vu b1, FFTCONV_LINE) {
  fftconv_sim_mma(d, a, &b0, &b1, 1, line.number);
}
FFTCONV_PRELUDE void mma_bf16_f32(vf (&d)[4], const vu (&a)[4], vu b0, vu b1, FFTCONV_LINE) {
  fftconv_sim_mma(d, a, &b0, &b1, 2, line.number);
}
