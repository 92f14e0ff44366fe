#include "suite/memory_kernels.h"

#include <bit>
#include <cmath>

namespace fftconv::gpu_suite {
namespace {

constexpr int kThreads = 512, kBlocksPerSm = 4;

SmallKernel strided(const char* name, const char* text, int sm_count) {
  return {{.name = name, .grid = {sm_count * kBlocksPerSm, 1, 1}, .threads = kThreads}, text};
}

}  // namespace

SmallKernel copy_kernel(int sm_count) {
  return strided("copy", R"(FFTCONV_KERNEL(copy, 512, 4)(const fftconv_args args) {
  const uint4* u = (const uint4*)args.u;
  uint4* y = (uint4*)args.y;
  const long long count = args.batch / 16, stride = (long long)gridDim.x * blockDim.x;
  long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  for (; i + 3 * stride < count; i += 4 * stride) {
    const uint4 a = __ldcs(u + i), b = __ldcs(u + i + stride), c = __ldcs(u + i + 2 * stride),
                d = __ldcs(u + i + 3 * stride);
    __stcs(y + i, a);
    __stcs(y + i + stride, b);
    __stcs(y + i + 2 * stride, c);
    __stcs(y + i + 3 * stride, d);
  }
  for (; i < count; i += stride) y[i] = u[i];
}
)",
                 sm_count);
}

SmallKernel read_kernel(int sm_count) {
  return strided("read", R"(FFTCONV_KERNEL(read, 512, 4)(const fftconv_args args) {
  const uint4* u = (const uint4*)args.u;
  const long long count = args.batch / 16, stride = (long long)gridDim.x * blockDim.x;
  unsigned sum = 0;
  for (long long pass = 0; pass < args.channels; ++pass) {
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    for (; i + 3 * stride < count; i += 4 * stride) {
      const uint4 a = __ldcg(u + i), b = __ldcg(u + i + stride), c = __ldcg(u + i + 2 * stride),
                  d = __ldcg(u + i + 3 * stride);
      sum += a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
    }
    for (; i < count; i += stride) sum += __ldcg(u + i).x;
  }
  if (sum == 0x12345677u) ((unsigned*)args.y)[0] = sum;
}
)",
                 sm_count);
}

SmallKernel empty_kernel() {
  return {{.name = "empty", .grid = {1, 1, 1}, .threads = 32},
          "FFTCONV_KERNEL(empty, 32, 1)(const fftconv_args args) { (void)args; }\n"};
}

SmallKernel fill_kernel(int sm_count) {
  return strided("fill", R"(FFTCONV_DEVICE float random_value(unsigned stream, unsigned long long index) {
  unsigned long long x = index + 0x9e3779b97f4a7c15ull * (stream + 1u);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  x ^= x >> 31;
  return (float)((int)(x >> 41) - (1 << 22)) * 0x1p-22f;
}
FFTCONV_DEVICE float decay_value(unsigned long long index, unsigned long long length) {
  int exponent = -(int)(7 * index / length);
  for (unsigned long long n = length / 24; n >= 4; n /= 4) --exponent;
  return __uint_as_float((unsigned)(127 + exponent) << 23);
}
FFTCONV_KERNEL(fill, 512, 4)(const fftconv_args args) {
  const long long stride = (long long)gridDim.x * blockDim.x;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < args.batch; i += stride) {
    float value = random_value((unsigned)args.filters, i);
    if (args.seqlen > 0) value *= decay_value(i % args.seqlen, args.seqlen);
    if (args.channels == 0) ((unsigned short*)args.y)[i] = (unsigned short)pack_f16x2(value, 0.0f);
    if (args.channels == 1) ((unsigned short*)args.y)[i] = (unsigned short)pack_bf16x2(value, 0.0f);
    if (args.channels == 2) ((float*)args.y)[i] = value;
  }
}
)",
                 sm_count);
}

SmallKernel compare_kernel(int sm_count) {
  return strided("compare", R"(FFTCONV_DEVICE float element(const void* base, long long i, long long type) {
  if (type == 2) return ((const float*)base)[i];
  const vu bits = ((const unsigned short*)base)[i];
  return type == 0 ? f16x2_low(bits) : bf16x2_low(bits);
}
FFTCONV_KERNEL(compare, 512, 4)(const fftconv_args args) {
  const long long stride = (long long)gridDim.x * blockDim.x;
  double difference = 0, size = 0, bad = 0;
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < args.batch; i += stride) {
    const float y = element(args.y, i, args.channels), u = element(args.u, i, args.channels);
    if ((__float_as_uint(y) & 0x7f800000u) == 0x7f800000u) bad += 1;
    difference += (double)(y - u) * (y - u);
    size += (double)u * u;
  }
  for (int step = 16; step > 0; step /= 2) {
    difference += __shfl_xor_sync(0xffffffffu, difference, step);
    size += __shfl_xor_sync(0xffffffffu, size, step);
    bad += __shfl_xor_sync(0xffffffffu, bad, step);
  }
  if (threadIdx.x % 32 == 0) {
    atomicAdd((double*)args.spectrum, difference);
    atomicAdd((double*)args.spectrum + 1, size);
    atomicAdd((double*)args.spectrum + 2, bad);
  }
}
)",
                 sm_count);
}

float random_value(std::uint32_t stream, std::uint64_t index) {
  std::uint64_t x = index + 0x9e3779b97f4a7c15ull * (std::uint64_t{stream} + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  x ^= x >> 31;
  return static_cast<float>(static_cast<int>(x >> 41) - (1 << 22)) * 0x1p-22f;
}

float decay_value(std::uint64_t index, std::uint64_t length) {
  int exponent = -static_cast<int>(7 * index / length);
  for (std::uint64_t n = length / 24; n >= 4; n /= 4) --exponent;
  return std::ldexp(1.0f, exponent);
}

}  // namespace fftconv::gpu_suite
