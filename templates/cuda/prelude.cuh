// The lane interface (templates/LANES.md) on CUDA: a lane type is a scalar of the thread, functions are PTX.
// Needs sm_80: cp.async, ldmatrix, mma.m16n8k16, bf16. No include, so that NVRTC has nothing to look for.
#define FFTCONV_DEVICE __device__ __forceinline__
#define FFTCONV_KERNEL(name, threads, blocks_per_sm) \
  extern "C" __global__ void __launch_bounds__(threads, blocks_per_sm) name

typedef int vi;
typedef unsigned vu;
typedef float vf;
typedef bool vp;
struct u32x2 {
  vu x, y;
};
struct u32x4 {
  vu x, y, z, w;
};

// Who am I. The shuffle tells the compiler that the warp's number is uniform.
FFTCONV_DEVICE vi lane_id() { return (int)(threadIdx.x & 31u); }
FFTCONV_DEVICE int warp_id() { return __shfl_sync(0xffffffffu, (int)(threadIdx.x >> 5), 0); }
FFTCONV_DEVICE int block_x() { return (int)blockIdx.x; }
FFTCONV_DEVICE int block_y() { return (int)blockIdx.y; }
FFTCONV_DEVICE int block_z() { return (int)blockIdx.z; }

// Order.
FFTCONV_DEVICE void block_sync() { __syncthreads(); }
FFTCONV_DEVICE void warp_sync() { __syncwarp(); }
FFTCONV_DEVICE void group_sync(int id, int threads) {  // barrier 0 is __syncthreads
  asm volatile("bar.sync %0, %1;" ::"r"(id + 1), "r"(threads) : "memory");
}

// Bit patterns and predicates.
FFTCONV_DEVICE vf as_float(vu x) { return __uint_as_float(x); }
FFTCONV_DEVICE vu as_uint(vf x) { return __float_as_uint(x); }
FFTCONV_DEVICE vu as_uint(vi x) { return (unsigned)x; }
FFTCONV_DEVICE vi as_int(vu x) { return (int)x; }
FFTCONV_DEVICE vi select(vp p, vi a, vi b) { return p ? a : b; }
FFTCONV_DEVICE vu select(vp p, vu a, vu b) { return p ? a : b; }
FFTCONV_DEVICE vf select(vp p, vf a, vf b) { return p ? a : b; }
FFTCONV_DEVICE vf fma_f32(vf a, vf b, vf c) { return __fmaf_rn(a, b, c); }

// Shared memory: byte offsets into the dynamic allocation.
extern __shared__ __align__(128) unsigned char fftconv_shared[];
FFTCONV_DEVICE unsigned shared_address(vi offset) {
  return (unsigned)__cvta_generic_to_shared(fftconv_shared) + (unsigned)offset;
}
FFTCONV_DEVICE vu lds_u32(vi offset) {
  vu v;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(shared_address(offset)) : "memory");
  return v;
}
FFTCONV_DEVICE u32x2 lds_u32x2(vi offset) {
  u32x2 v;
  asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(shared_address(offset)) : "memory");
  return v;
}
FFTCONV_DEVICE u32x4 lds_u32x4(vi offset) {
  u32x4 v;
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(shared_address(offset))
               : "memory");
  return v;
}
FFTCONV_DEVICE vu lds_u16(vi offset) {
  unsigned short v;
  asm volatile("ld.shared.u16 %0, [%1];" : "=h"(v) : "r"(shared_address(offset)) : "memory");
  return v;
}
FFTCONV_DEVICE vu lds_u32(vi offset, vp p) { return p ? lds_u32(offset) : 0u; }
FFTCONV_DEVICE u32x2 lds_u32x2(vi offset, vp p) { return p ? lds_u32x2(offset) : u32x2{0u, 0u}; }
FFTCONV_DEVICE u32x4 lds_u32x4(vi offset, vp p) { return p ? lds_u32x4(offset) : u32x4{0u, 0u, 0u, 0u}; }
FFTCONV_DEVICE vu lds_u16(vi offset, vp p) { return p ? lds_u16(offset) : 0u; }
FFTCONV_DEVICE void sts_u32(vi offset, vu v) {
  asm volatile("st.shared.u32 [%0], %1;" ::"r"(shared_address(offset)), "r"(v) : "memory");
}
FFTCONV_DEVICE void sts_u32x2(vi offset, u32x2 v) {
  asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(shared_address(offset)), "r"(v.x), "r"(v.y) : "memory");
}
FFTCONV_DEVICE void sts_u32x4(vi offset, u32x4 v) {
  asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(offset)), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
}
FFTCONV_DEVICE void sts_u16(vi offset, vu v) {
  asm volatile("st.shared.u16 [%0], %1;" ::"r"(shared_address(offset)), "h"((unsigned short)v) : "memory");
}
FFTCONV_DEVICE void sts_u32(vi offset, vu v, vp p) {
  if (p) sts_u32(offset, v);
}
FFTCONV_DEVICE void sts_u32x2(vi offset, u32x2 v, vp p) {
  if (p) sts_u32x2(offset, v);
}
FFTCONV_DEVICE void sts_u32x4(vi offset, u32x4 v, vp p) {
  if (p) sts_u32x4(offset, v);
}
FFTCONV_DEVICE void sts_u16(vi offset, vu v, vp p) {
  if (p) sts_u16(offset, v);
}
FFTCONV_DEVICE u32x4 ldmatrix_x4(vi row) {
  u32x4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(shared_address(row))
               : "memory");
  return v;
}
FFTCONV_DEVICE u32x4 ldmatrix_x4_trans(vi row) {
  u32x4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(shared_address(row))
               : "memory");
  return v;
}
FFTCONV_DEVICE u32x2 ldmatrix_x2(vi row) {
  u32x2 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(v.x), "=r"(v.y)
               : "r"(shared_address(row))
               : "memory");
  return v;
}
FFTCONV_DEVICE u32x2 ldmatrix_x2_trans(vi row) {
  u32x2 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(v.x), "=r"(v.y)
               : "r"(shared_address(row))
               : "memory");
  return v;
}

// Global memory: a uniform pointer and a byte offset of the lane.
FFTCONV_DEVICE const char* at(const void* base, vi offset) { return (const char*)base + (unsigned)offset; }
FFTCONV_DEVICE vu ldg_u32(const void* base, vi offset) {
  vu v;
  asm volatile("ld.global.u32 %0, [%1];" : "=r"(v) : "l"(at(base, offset)) : "memory");
  return v;
}
FFTCONV_DEVICE u32x2 ldg_u32x2(const void* base, vi offset) {
  u32x2 v;
  asm volatile("ld.global.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(at(base, offset)) : "memory");
  return v;
}
FFTCONV_DEVICE u32x4 ldg_u32x4(const void* base, vi offset) {
  u32x4 v;
  asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at(base, offset))
               : "memory");
  return v;
}
FFTCONV_DEVICE vu ldg_u16(const void* base, vi offset) {
  unsigned short v;
  asm volatile("ld.global.u16 %0, [%1];" : "=h"(v) : "l"(at(base, offset)) : "memory");
  return v;
}
FFTCONV_DEVICE vu ldg_u32(const void* base, vi offset, vp p) { return p ? ldg_u32(base, offset) : 0u; }
FFTCONV_DEVICE u32x2 ldg_u32x2(const void* base, vi offset, vp p) {
  return p ? ldg_u32x2(base, offset) : u32x2{0u, 0u};
}
FFTCONV_DEVICE u32x4 ldg_u32x4(const void* base, vi offset, vp p) {
  return p ? ldg_u32x4(base, offset) : u32x4{0u, 0u, 0u, 0u};
}
FFTCONV_DEVICE vu ldg_u16(const void* base, vi offset, vp p) { return p ? ldg_u16(base, offset) : 0u; }
// Constants: volatile, so that the compiler neither hoists them out of the row loop nor keeps them in registers; which
// of them stay resident is the config's choice.
FFTCONV_DEVICE vu ldc_u32(const void* base, vi offset) {
  vu v;
  asm volatile("ld.global.nc.u32 %0, [%1];" : "=r"(v) : "l"(at(base, offset)));
  return v;
}
FFTCONV_DEVICE u32x2 ldc_u32x2(const void* base, vi offset) {
  u32x2 v;
  asm volatile("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(at(base, offset)));
  return v;
}
FFTCONV_DEVICE u32x4 ldc_u32x4(const void* base, vi offset) {
  u32x4 v;
  asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at(base, offset)));
  return v;
}
FFTCONV_DEVICE void stg_u32(void* base, vi offset, vu v) {
  asm volatile("st.global.u32 [%0], %1;" ::"l"(at(base, offset)), "r"(v) : "memory");
}
FFTCONV_DEVICE void stg_u32x2(void* base, vi offset, u32x2 v) {
  asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(at(base, offset)), "r"(v.x), "r"(v.y) : "memory");
}
FFTCONV_DEVICE void stg_u32x4(void* base, vi offset, u32x4 v) {
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(at(base, offset)), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
}
FFTCONV_DEVICE void stg_u16(void* base, vi offset, vu v) {
  asm volatile("st.global.u16 [%0], %1;" ::"l"(at(base, offset)), "h"((unsigned short)v) : "memory");
}
FFTCONV_DEVICE void stg_u32(void* base, vi offset, vu v, vp p) {
  if (p) stg_u32(base, offset, v);
}
FFTCONV_DEVICE void stg_u32x2(void* base, vi offset, u32x2 v, vp p) {
  if (p) stg_u32x2(base, offset, v);
}
FFTCONV_DEVICE void stg_u32x4(void* base, vi offset, u32x4 v, vp p) {
  if (p) stg_u32x4(base, offset, v);
}
FFTCONV_DEVICE void stg_u16(void* base, vi offset, vu v, vp p) {
  if (p) stg_u16(base, offset, v);
}

// Asynchronous copies; a source size of zero writes zeros and reads nothing.
FFTCONV_DEVICE void cp_async_16(vi shared, const void* base, vi offset, vp p) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(p ? at(base, offset) : (const char*)base), "r"(p ? 16 : 0)
               : "memory");
}
FFTCONV_DEVICE void cp_async_8(vi shared, const void* base, vi offset, vp p) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared_address(shared)),
               "l"(p ? at(base, offset) : (const char*)base), "r"(p ? 8 : 0)
               : "memory");
}
FFTCONV_DEVICE void cp_async_4(vi shared, const void* base, vi offset, vp p) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)),
               "l"(p ? at(base, offset) : (const char*)base), "r"(p ? 4 : 0)
               : "memory");
}
FFTCONV_DEVICE void cp_async_16(vi shared, const void* base, vi offset) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(at(base, offset))
               : "memory");
}
FFTCONV_DEVICE void cp_async_8(vi shared, const void* base, vi offset) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared_address(shared)), "l"(at(base, offset))
               : "memory");
}
FFTCONV_DEVICE void cp_async_4(vi shared, const void* base, vi offset) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(shared)), "l"(at(base, offset))
               : "memory");
}
FFTCONV_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int pending>
FFTCONV_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

// Packed arithmetic.
FFTCONV_DEVICE vu f16x2_add(vu a, vu b) {
  vu d;
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
  return d;
}
FFTCONV_DEVICE vu f16x2_sub(vu a, vu b) {
  vu d;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
  return d;
}
FFTCONV_DEVICE vu f16x2_mul(vu a, vu b) {
  vu d;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
  return d;
}
FFTCONV_DEVICE vu f16x2_fma(vu a, vu b, vu c) {
  vu d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
FFTCONV_DEVICE vu f16x2_neg(vu a) {  // an operand's sign costs nothing where ptxas can fold it
  vu d;
  asm("neg.f16x2 %0, %1;" : "=r"(d) : "r"(a));
  return d;
}
FFTCONV_DEVICE vu bf16x2_fma(vu a, vu b, vu c) {
  vu d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
FFTCONV_DEVICE vu bf16x2_neg(vu a) {
  vu d;
  asm("neg.bf16x2 %0, %1;" : "=r"(d) : "r"(a));
  return d;
}
FFTCONV_DEVICE vu bf16x2_add(vu a, vu b) { return bf16x2_fma(a, 0x3f803f80u, b); }
FFTCONV_DEVICE vu bf16x2_sub(vu a, vu b) { return bf16x2_fma(b, 0xbf80bf80u, a); }
FFTCONV_DEVICE vu bf16x2_mul(vu a, vu b) { return bf16x2_fma(a, b, 0x80008000u); }
FFTCONV_DEVICE vu pack_f16x2(vf low, vf high) {
  vu d;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
}
FFTCONV_DEVICE vu pack_bf16x2(vf low, vf high) {
  vu d;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
}
FFTCONV_DEVICE vf f16x2_low(vu a) {
  vf d;
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l; }" : "=f"(d) : "r"(a));
  return d;
}
FFTCONV_DEVICE vf f16x2_high(vu a) {
  vf d;
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, h; }" : "=f"(d) : "r"(a));
  return d;
}
FFTCONV_DEVICE vf bf16x2_low(vu a) { return as_float(a << 16); }
FFTCONV_DEVICE vf bf16x2_high(vu a) { return as_float(a & 0xffff0000u); }

// Matrix products m16n8k16, d += a b.
FFTCONV_DEVICE void mma_f16_f16(vu (&d)[2], const vu (&a)[4], vu b0, vu b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%0, %1};"
      : "+r"(d[0]), "+r"(d[1])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
FFTCONV_DEVICE void mma_f16_f32(vf (&d)[4], const vu (&a)[4], vu b0, vu b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
FFTCONV_DEVICE void mma_bf16_f32(vf (&d)[4], const vu (&a)[4], vu b0, vu b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
