// Rows whose samples lie apart in memory, as where channels come fastest: they are copied to dense rows and back.
// Neighbouring channels share cache lines, so that squares of W samples of W channels are read, transposed in
// registers and written. What lies between the samples is neither read as part of one nor written.
#pragma once
#include "samples.h"

// Neighbouring channels that are moved at a time: those that fill a vector.
constexpr int widest_square = lanes * sizeof(real) / sizeof(sample) < 16 ? lanes * sizeof(real) / sizeof(sample) : 16;

// Samples that memory is asked for ahead of their use: lines of neighbouring samples are too far apart for processors
// to see a pattern.
constexpr index fetched_ahead = 16;

// W x W samples: lines of W neighbours, of channels or of a row.
template <int W>
struct Square {
  typedef sample line __attribute__((vector_size(sizeof(sample) * W)));
  typedef sample unaligned_line __attribute__((vector_size(sizeof(sample) * W), aligned(sizeof(sample)), may_alias));
  line at[W];
};

template <int W>
FFTCONV_INLINE void load_square(Square<W>& square, const sample* from, index step) {
#pragma unroll
  for (int i = 0; i < W; ++i) square.at[i] = *(const typename Square<W>::unaligned_line*)(from + i * step);
}
template <bool past_caches, int W>
FFTCONV_INLINE void store_square(const Square<W>& square, sample* to, index step) {
#pragma unroll
  for (int i = 0; i < W; ++i) {
    if constexpr (past_caches)
      __builtin_nontemporal_store(square.at[i], (typename Square<W>::line*)(to + i * step));
    else
      *(typename Square<W>::unaligned_line*)(to + i * step) = square.at[i];
  }
}

// Exchanges the upper half of each pair of `width` elements of `a` with the lower half of that of `b`.
template <int W, int width, int... I>
FFTCONV_INLINE void exchange_elements(typename Square<W>::line& a, typename Square<W>::line& b, Sequence<I...>) {
  const typename Square<W>::line low = __builtin_shufflevector(a, b, (I / width % 2 == 0 ? I : W + I - width)...);
  const typename Square<W>::line high = __builtin_shufflevector(a, b, (I / width % 2 == 0 ? I + width : W + I)...);
  a = low;
  b = high;
}
template <int W, int width = W / 2>
FFTCONV_INLINE void transpose_square(Square<W>& square) {
  if constexpr (width > 0) {
#pragma unroll
    for (int i = 0; i < W; ++i) {
      if (i / width % 2 == 0)
        exchange_elements<W, width>(square.at[i], square.at[i + width], __make_integer_seq<SequenceOf, int, W>{});
    }
    transpose_square<W, width / 2>(square);
  }
}

// Channels of rows in memory, `channel_step` and `sample_step` apart, and of their copies, which are dense and
// `row_step` apart.
struct Strip {
  index channel_step, sample_step, row_step;
};

// Sample by sample: where channels are no neighbours, and what a square does not fill.
FFTCONV_INLINE void gather_samples(const sample* from, sample* to, const Strip& s, index channels, index first) {
  for (index c = 0; c < channels; ++c) {
    for (index n = first; n < seqlen; ++n) to[c * s.row_step + n] = from[c * s.channel_step + n * s.sample_step];
  }
}
FFTCONV_INLINE void scatter_samples(const sample* from, sample* to, const Strip& s, index channels, index first) {
  for (index c = 0; c < channels; ++c) {
    for (index n = first; n < seqlen; ++n) to[c * s.channel_step + n * s.sample_step] = from[c * s.row_step + n];
  }
}

// `channels` neighbours in squares of W; those that are left over in smaller ones.
template <int W>
static void gather_neighbours(const sample* from, sample* to, const Strip& s, index channels) {
  if constexpr (W > 1) {
    const index whole = channels / W * W;
    constexpr index squares_end = seqlen / W * W;
    for (index n = 0; whole > 0 && n < squares_end; n += W) {
      for (index c = 0; c < whole; c += W) {
        const sample* const corner = from + c + n * s.sample_step;
        if (c * sizeof(sample) % 64 == 0) {
#pragma unroll
          for (int i = 0; i < W; ++i) __builtin_prefetch(corner + (fetched_ahead + i) * s.sample_step);
        }
        Square<W> square;
        load_square(square, corner, s.sample_step);
        transpose_square(square);
        store_square<false>(square, to + c * s.row_step + n, s.row_step);
      }
    }
    gather_samples(from, to, s, whole, squares_end);
    if (whole < channels) gather_neighbours<W / 2>(from + whole, to + whole * s.row_step, s, channels - whole);
  } else {
    gather_samples(from, to, s, channels, 0);
  }
}

template <int W, bool past_caches>
static void scatter_neighbours(const sample* from, sample* to, const Strip& s, index channels) {
  if constexpr (W > 1) {
    const index whole = channels / W * W;
    constexpr index squares_end = seqlen / W * W;
    for (index n = 0; whole > 0 && n < squares_end; n += W) {
      for (index c = 0; c < whole; c += W) {
        Square<W> square;
        load_square(square, from + c * s.row_step + n, s.row_step);
        transpose_square(square);
        store_square<past_caches>(square, to + c + n * s.sample_step, s.sample_step);
      }
    }
    scatter_samples(from, to, s, whole, squares_end);
    if (whole < channels)
      scatter_neighbours<W / 2, false>(from + whole * s.row_step, to + whole, s, channels - whole);
  } else {
    scatter_samples(from, to, s, channels, 0);
  }
}

// Whether lines of the widest squares stand where stores past the caches may go.
FFTCONV_INLINE bool aligned_lines(const sample* to, const Strip& s) {
  constexpr index line_bytes = sizeof(typename Square<widest_square>::line);
  return (index)to % line_bytes == 0 && s.sample_step * (index)sizeof(sample) % line_bytes == 0;
}

static __attribute__((noinline)) void gather(const sample* from, sample* to, const Strip& s, index channels) {
  if (s.channel_step == 1)
    gather_neighbours<widest_square>(from, to, s, channels);
  else
    gather_samples(from, to, s, channels, 0);
}
static __attribute__((noinline)) void scatter(const sample* from, sample* to, const Strip& s, index channels) {
  if (s.channel_step != 1)
    scatter_samples(from, to, s, channels, 0);
  else if (scatter_past_caches && aligned_lines(to, s))
    scatter_neighbours<widest_square, scatter_past_caches>(from, to, s, channels);
  else
    scatter_neighbours<widest_square, false>(from, to, s, channels);
}
