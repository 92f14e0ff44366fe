// Rows much longer than their filter, in chunks of M samples: mod z^M - i the real part is the chunk's own output,
// and the imaginary part what the next chunk gets. All M samples of a chunk are new. The filter's lags are counted
// from its least one, so that every mode is causal here and its output stands `shift` samples further back.
#pragma once
#include "inside.h"

constexpr index handed_on = filter_len - 1;  // numbers of a chunk's product beyond it
constexpr index chunks = (seqlen + shift + length - 1) / length;

// Where rows are few each is a few work items, runs of chunks. What a chunk hands on is its own product alone, so
// that whoever begins in the middle makes it again from the chunk before, bit by bit the same. As chunk_runs() of the
// generator.
FFTCONV_INLINE index runs_of(const fftconv_args& args) {
  const index items = (args.batch + item_rows - 1) / item_rows * args.channels;
  return greater(1, lesser(enough_runs / items, chunks / least_chunks));
}

template <int R>
static __attribute__((noinline)) void split_chunk(const Item& item, index begin, real* z, const complex* w) {
  constexpr index stride = length / R / columns;
  for (index b = 0; b < stride; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) {
      part parts[rows];
#pragma unroll
      for (int r = 0; r < rows; ++r) parts[r] = input_inside(item, r, begin + (b + j * stride) * columns);
      a[j] = {joined(parts), vec{}};
    }
    split_real<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) store_block(z + (b + j * stride) * block, a[j]);
  }
}

// `begin`: of the chunk's output. `left`: a vector for each of a chunk, what the chunk before left. Not `wanted`: the
// chunk is only there for what it leaves. One function for both, so that a compiler makes the same numbers of both.
template <int R>
static __attribute__((noinline)) void join_chunk(const Item& item, index begin, bool wanted, const real* z,
                                                 real* left, const complex* w) {
  constexpr index stride = length / R / columns;
  for (index b = 0; b < stride; ++b) {
    cvec a[R];
#pragma unroll
    for (int j = 0; j < R; ++j) a[j] = load_block(z + (b + j * stride) * block);
    join_columns<R>(a, w);
#pragma unroll
    for (int j = 0; j < R; ++j) {
      const index column = (b + j * stride) * columns;
      if (column < handed_on) {
        vec* const before = (vec*)(left + (b + j * stride) * lanes);
        a[j].re += *before;
        *before = a[j].im;
      }
      if (!wanted) continue;
      part parts[rows];
      separated(parts, a[j].re);
#pragma unroll
      for (int r = 0; r < rows; ++r) output_inside<false>(item, r, begin + column, parts[r]);
    }
  }
}
