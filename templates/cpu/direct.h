// A short filter as the sum over its taps. A row goes through the scratch piece by piece, in the type of the
// arithmetic with its gate and with the samples around the piece that the filter reaches: there every tap is a load
// and a multiply-add.
//     y[n] = sum_t c[t] x[n - greatest_lag + t],  c[t] the tap with lag greatest_lag - t
#pragma once
#include "entry.h"
#include "inside.h"

constexpr index greatest_lag = lag_step > 0 ? first_lag + filter_len - 1 : first_lag;

// `columns` samples at `at`, round the row's end where lags are taken modulo L.
FFTCONV_INLINE part input_around(const Item& item, index at) {
  if (!circular_filter || (at >= 0 && at + columns <= seqlen)) return input_inside(item, 0, at);
  part_samples s = {}, gate = {};
  for (int i = 0; i < columns; ++i) {
    const index n = ((at + i) % seqlen + seqlen) % seqlen;
    s[i] = item.u[item.offset[0] + n];
    if constexpr (has_pregate) gate[i] = item.pregate[item.offset[0] + n];
  }
  part p = widened(s);
  if constexpr (has_pregate) p *= widened(gate);
  return p;
}

template <bool past_caches>
static __attribute__((noinline)) void sum_row(const Item& item, const real* taps, real* x) {
  constexpr index group = interleave * columns;
  for (index begin = 0; begin < seqlen; begin += length) {
    const index end = begin + length < seqlen ? begin + length : seqlen;
    for (index i = 0; i < end - begin + filter_len - 1; i += columns)
      *(unaligned_part*)(x + i) = input_around(item, begin - greatest_lag + i);
    for (index n = begin; n < end; n += group) {
      part sum[interleave] = {};
#pragma unroll
      for (index t = 0; t < filter_len; ++t) {
#pragma unroll
        for (int v = 0; v < interleave; ++v)
          sum[v] += taps[t] * *(const unaligned_part*)(x + n - begin + v * columns + t);
      }
#pragma unroll
      for (int v = 0; v < interleave; ++v) output_inside<past_caches>(item, 0, n + v * columns, sum[v]);
    }
  }
}

// Items first .. last - 1 of `source`; x is the worker's scratch.
template <class Source>
FFTCONV_INLINE void convolve_rows(const fftconv_args& args, const Source& source, index first, index last, real* x) {
  for (index number = first; number < last; ++number) {
    const Item item = item_of(source, number);
    const real* taps = (const real*)args.spectrum + item.filter * filter_len;
    if (streaming && aligned_rows(item))
      sum_row<streaming>(item, taps, x);
    else
      sum_row<false>(item, taps, x);
  }
  if (streaming) finish_streaming();
}

// The taps of filters first .. last - 1 in the order of the sum.
FFTCONV_ENTRY void fftconv_spectrum(const fftconv_args* args, index first, index last, real*) {
  for (index i = first * filter_len; i < last * filter_len; ++i) {
    const index filter = i / filter_len, t = i % filter_len;
    const index tap = lag_step > 0 ? filter_len - 1 - t : t;
    ((real*)args->spectrum)[i] = ((const real*)args->filter)[filter * filter_len + tap];
  }
}
