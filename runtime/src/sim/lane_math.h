// Packed arithmetic and matrix products on arrays of 32-bit words, one word a lane: what the tensor cores and the
// half-precision units of the simulated device compute.
//
// Every operation rounds once, to nearest even, and keeps subnormals. A product of two halves is exact in fp32. A
// matrix product starts at the accumulator and adds the products in fp32 in ascending order of k; with fp16
// accumulators the sum is rounded to fp16 once, at the end of the sixteen products. The hardware's order of addition
// is not documented: only a GPU can show how far its results lie from these.
#pragma once

#include <cstdint>

namespace fftconv::sim {

enum class MmaKind { f16_f16 = 0, f16_f32 = 1, bf16_f32 = 2 };

struct LaneMath {
  using Words = const std::uint32_t*;
  void (*f16x2_add)(std::uint32_t* d, Words a, Words b, int n);
  void (*f16x2_mul)(std::uint32_t* d, Words a, Words b, int n);
  void (*f16x2_fma)(std::uint32_t* d, Words a, Words b, Words c, int n);
  void (*bf16x2_fma)(std::uint32_t* d, Words a, Words b, Words c, int n);
  void (*pack_f16x2)(std::uint32_t* d, const float* low, const float* high, int n);
  void (*pack_bf16x2)(std::uint32_t* d, const float* low, const float* high, int n);
  void (*unpack_f16)(float* d, Words a, int shift, int n);
  /// Fragments as templates/LANES.md, [register][lane]: d[2] or d[4], a[4], b0, b1.
  void (*mma)(MmaKind kind, std::uint32_t* d, Words a, Words b0, Words b1);
};

/// For any processor, and for one with AVX2 and FMA: the same bits.
const LaneMath& lane_math_generic();
const LaneMath* lane_math_avx2();  ///< null where this processor lacks them
/// The fastest that this processor can run.
const LaneMath& lane_math();

}  // namespace fftconv::sim
