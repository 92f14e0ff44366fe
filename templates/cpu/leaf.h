// A leaf: leaf_radix vectors, in registers from the last loads to the product with the filter and back. One radix
// runs down the vectors, the others run along the lanes of one row, each after a transposition that brings its digit
// from the lanes to the vectors. `interleave` neighbouring leaves go side by side, each a stage behind the one
// before, so that shuffles, multiplications and additions of different leaves meet: they use different units.
#pragma once
#include "ahead.h"

// Steps along `width` lanes, each in three stages: transposition, twiddles, DFT.
template <int width>
struct AlongLanes {
  static constexpr int radix = width % 4 == 0 ? 4 : 2;
  static constexpr int unit = width / radix;
  static constexpr int groups = leaf_radix / radix;
  static constexpr int table_floats = groups * (radix - 1) * 2 * columns;
  using Next = AlongLanes<unit>;
  static constexpr int total_floats = table_floats + Next::total_floats;
  static constexpr int scalars = radix - 1 + Next::scalars;
  static constexpr int stages = 3 + Next::stages;

  FFTCONV_INLINE cvec twiddle(const real* table, const real* scalar, int group, int j) {
    const cvec w = repeated_complex(table + (group * (radix - 1) + j - 1) * 2 * columns);
    if constexpr (computed_twiddles) return times(w, complex{scalar[2 * j - 2], scalar[2 * j - 1]});
    return w;
  }
  template <int stage>
  FFTCONV_INLINE void split(cvec* a, const real* table, const real* scalar) {
    if constexpr (stage >= 3) {
      Next::template split<stage - 3>(a, table + table_floats, scalar + 2 * (radix - 1));
    } else {
#pragma unroll
      for (int g = 0; g < groups; ++g) {
        if constexpr (stage == 0) transpose<radix, unit>(a + g * radix);
        if constexpr (stage == 1 && radix == 4) {
          twiddle_four(a + 4 * g, twiddle(table, scalar, g, 1), twiddle(table, scalar, g, 2),
                       twiddle(table, scalar, g, 3));
        } else if constexpr (stage == 1) {
#pragma unroll
          for (int j = 1; j < radix; ++j) a[g * radix + j] = times(a[g * radix + j], twiddle(table, scalar, g, j));
        }
        if constexpr (stage == 2 && radix == 4)
          finish_four(a + 4 * g);
        else if constexpr (stage == 2)
          dft<radix, 1>(a + g * radix);
      }
    }
  }
  template <int stage>
  FFTCONV_INLINE void join(cvec* a, const real* table, const real* scalar) {
    if constexpr (stage >= 3) {
      Next::template join<stage - 3>(a, table + table_floats, scalar + 2 * (radix - 1));
    } else {
#pragma unroll
      for (int g = 0; g < groups; ++g) {
        if constexpr (stage == 2) dft<radix, -1>(a + g * radix);
        if constexpr (stage == 1) {
#pragma unroll
          for (int j = 1; j < radix; ++j)
            a[g * radix + j] = times_conj(a[g * radix + j], twiddle(table, scalar, g, j));
        }
        if constexpr (stage == 0) transpose<radix, unit>(a + g * radix);
      }
    }
  }
};
template <>
struct AlongLanes<1> {
  static constexpr int total_floats = 0;
  static constexpr int scalars = 0;
  static constexpr int stages = 0;
  template <int>
  FFTCONV_INLINE void split(cvec*, const real*, const real*) {}
  template <int>
  FFTCONV_INLINE void join(cvec*, const real*, const real*) {}
};
using Along = AlongLanes<columns>;

constexpr index leaf_floats = leaf_radix * block;  // of the transform's memory
constexpr index leaf_scalar_floats = 2 * (leaf_radix - 1) + (computed_twiddles ? 2 * Along::scalars : 0);
constexpr index leaf_table_floats = computed_twiddles ? 0 : Along::total_floats;

struct Leaf {
  real* z;
  real* spectrum;
  const real* scalar;
  const real* table;
  History history;
  cvec a[leaf_radix];
};

// Stage by stage from memory to the spectrum and back.
template <int stage, bool forward_only>
FFTCONV_INLINE void leaf_stage(Leaf& l) {
  constexpr int middle = 1 + Along::stages;
  if constexpr (stage == 0) {
    complex w[leaf_radix];
    load_twiddles<leaf_radix>(w, l.scalar);
#pragma unroll
    for (int k = 0; k < leaf_radix; ++k) l.a[k] = load_block(l.z + k * block);
    split_columns<leaf_radix>(l.a, w);
  } else if constexpr (stage < middle) {
    Along::template split<stage - 1>(l.a, l.table, l.scalar + 2 * (leaf_radix - 1));
  } else if constexpr (stage == middle) {
    if constexpr (forward_only) {
#pragma unroll
      for (int k = 0; k < leaf_radix; ++k) {
        real* const s = l.spectrum + 2 * k * columns;
        part re[rows], im[rows];
        separated(re, l.a[k].re);
        separated(im, l.a[k].im);
        *(unaligned_part*)s = re[0];
        *(unaligned_part*)(s + columns) = im[0];
      }
    } else {
      multiply(l.a, l.spectrum, l.history);
    }
    // On the way back twiddles are loaded again: kept, they would be spilled.
    asm("" : "+r"(l.scalar), "+r"(l.table));
  } else if constexpr (forward_only) {
    return;
  } else if constexpr (stage < middle + 1 + Along::stages) {
    Along::template join<middle + Along::stages - stage>(l.a, l.table, l.scalar + 2 * (leaf_radix - 1));
  } else if constexpr (stage == middle + 1 + Along::stages) {
    complex w[leaf_radix];
    load_twiddles<leaf_radix>(w, l.scalar);
    join_columns<leaf_radix>(l.a, w);
#pragma unroll
    for (int k = 0; k < leaf_radix; ++k) store_block(l.z + k * block, l.a[k]);
  }
}
constexpr int leaf_stages = 3 + 2 * Along::stages;

// Step `step` of leaves c … count - 1.
template <int step, int c, int count, bool forward_only>
FFTCONV_INLINE void leaf_step(Leaf* l) {
  if constexpr (c < count) {
    if constexpr (step >= c && step - c < leaf_stages) leaf_stage<step - c, forward_only>(l[c]);
    leaf_step<step, c + 1, count, forward_only>(l);
  }
}
template <int step, int count, bool forward_only>
FFTCONV_INLINE void leaf_steps(Leaf* l) {
  if constexpr (step < leaf_stages + count - 1) {
    leaf_step<step, 0, count, forward_only>(l);
    leaf_steps<step + 1, count, forward_only>(l);
  }
}

// Leaves `leaf` to leaf + count - 1, at z. forward_only: writes their spectrum; else multiplies by it and goes back.
template <int count, bool forward_only>
FFTCONV_INLINE void leaves(real* z, real* spectrum, const real* scalars, const real* tables, index leaf,
                           const History& history) {
  Leaf l[count];
#pragma unroll
  for (int c = 0; c < count; ++c) {
    l[c].z = z + c * leaf_floats;
    l[c].spectrum = spectrum + (leaf + c) * leaf_spectrum_floats;
    l[c].scalar = scalars + (leaf + c) * leaf_scalar_floats;
    l[c].table = tables + (leaf + c) * leaf_table_floats;
    l[c].history = at_leaf(history, leaf + c);
  }
  leaf_steps<0, count, forward_only>(l);
}

// Leaves first … first + count - 1, of which the first is at z, `interleave` at a time. Spectra are made once for a
// filter: one leaf at a time is fast enough there, and less to compile.
template <bool forward_only, int count>
static __attribute__((noinline)) void leaf_run(real* z, real* spectrum, const real* scalars, const real* tables,
                                               index first, const Ahead& ahead) {
  constexpr int group = forward_only ? 1 : interleave;
  constexpr int grouped = count / group * group;
  for (index i = 0; i < grouped; i += group) {
    if constexpr (!forward_only) {
      for (index c = 0; c < group; ++c) fetch_ahead(ahead, first + i + c);
    }
    leaves<group, forward_only>(z + i * leaf_floats, spectrum, scalars, tables, first + i, ahead.history);
  }
  if constexpr (grouped < count) {
    for (index i = grouped; i < count; ++i) {
      fetch_ahead(ahead, first + i);
      leaves<1, forward_only>(z + i * leaf_floats, spectrum, scalars, tables, first + i, ahead.history);
    }
  }
}
