// Leaves: V vectors each, in registers from the last loads to the product with the filter and back. One radix runs
// down the vectors, the others run along the lanes, each after a transposition that brings its digit from the lanes
// to the vectors. See templates/cpu/leaf.h.
#pragma once

#include "cpu/portable/butterflies.h"

namespace fftconv {
namespace {

/// Where the constants of leaves lie; see TableLayout of generator/src/cpu/tree.h.
struct LeafTables {
  const float* scalars;  ///< of the first leaf
  const float* vectors;
  std::int64_t scalars_each;
  std::int64_t vectors_each;
};

/// Steps along `width` lanes of V vectors.
template <int V, bool computed, int width>
struct AlongLanes {
  static constexpr int radix = width % 4 == 0 ? 4 : 2;
  static constexpr int unit = width / radix;
  static constexpr int groups = V / radix;
  static constexpr int table_floats = groups * (radix - 1) * 2 * kLanes;
  using Next = AlongLanes<V, computed, unit>;

  FFTCONV_INLINE static ComplexVec twiddle(const float* table, const float* scalar, int group, int j) {
    const ComplexVec w = load_pair(table + (group * (radix - 1) + j - 1) * 2 * kLanes);
    if constexpr (computed) return times(w, Complex{scalar[2 * j - 2], scalar[2 * j - 1]});
    return w;
  }
  FFTCONV_INLINE static void split(ComplexVec* a, const float* table, const float* scalar) {
    FFTCONV_UNROLLED
    for (int g = 0; g < groups; ++g) {
      transpose<radix, unit>(a + g * radix);
      FFTCONV_UNROLLED
      for (int j = 1; j < radix; ++j) a[g * radix + j] = times(a[g * radix + j], twiddle(table, scalar, g, j));
      dft<radix, 1>(a + g * radix);
    }
    Next::split(a, table + table_floats, scalar + 2 * (radix - 1));
  }
  FFTCONV_INLINE static void join(ComplexVec* a, const float* table, const float* scalar) {
    Next::join(a, table + table_floats, scalar + 2 * (radix - 1));
    FFTCONV_UNROLLED
    for (int g = 0; g < groups; ++g) {
      dft<radix, -1>(a + g * radix);
      FFTCONV_UNROLLED
      for (int j = 1; j < radix; ++j) a[g * radix + j] = times_conj(a[g * radix + j], twiddle(table, scalar, g, j));
      transpose<radix, unit>(a + g * radix);
    }
  }
};
template <int V, bool computed>
struct AlongLanes<V, computed, 1> {
  FFTCONV_INLINE static void split(ComplexVec*, const float*, const float*) {}
  FFTCONV_INLINE static void join(ComplexVec*, const float*, const float*) {}
};

/// `count` leaves, one after another at z. forward_only: writes their spectrum; else multiplies by it and goes back.
template <int V, bool computed, bool forward_only>
void leaf_run(float* z, float* spectrum, const LeafTables& tables, std::int64_t count) {
  using Along = AlongLanes<V, computed, kLanes>;
  const float *scalar = tables.scalars, *table = tables.vectors;
  for (std::int64_t i = 0; i < count; ++i) {
    ComplexVec a[V];
    Complex w[V];
    load_twiddles<V>(w, scalar);
    FFTCONV_UNROLLED
    for (int k = 0; k < V; ++k) a[k] = load_block(z + k * kBlock);
    split_columns<V>(a, w);
    Along::split(a, table, scalar + 2 * (V - 1));
    if constexpr (forward_only) {
      FFTCONV_UNROLLED
      for (int k = 0; k < V; ++k) store_pair(spectrum + k * kBlock, a[k]);
    } else {
      FFTCONV_UNROLLED
      for (int k = 0; k < V; ++k) a[k] = times(a[k], load_pair(spectrum + k * kBlock));
      Along::join(a, table, scalar + 2 * (V - 1));
      join_columns<V>(a, w);
      FFTCONV_UNROLLED
      for (int k = 0; k < V; ++k) store_block(z + k * kBlock, a[k]);
    }
    z += V * kBlock;
    spectrum += V * kBlock;
    scalar += tables.scalars_each;
    table += tables.vectors_each;
  }
}

using LeafRun = void (*)(float* z, float* spectrum, const LeafTables& tables, std::int64_t count);

/// By [V == 8][computed twiddles][forward only].
constexpr LeafRun kLeafRuns[2][2][2] = {
    {{leaf_run<4, false, false>, leaf_run<4, false, true>}, {leaf_run<4, true, false>, leaf_run<4, true, true>}},
    {{leaf_run<8, false, false>, leaf_run<8, false, true>}, {leaf_run<8, true, false>, leaf_run<8, true, true>}}};

}  // namespace
}  // namespace fftconv
