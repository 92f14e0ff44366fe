// Samples in memory, converted as they are loaded and stored where they are narrower than the arithmetic. An emitted
// kernel has one of wholes.h and halves.h.
#pragma once
#include "wholes.h"

typedef sample part_samples __attribute__((vector_size(sizeof(sample) * columns)));
typedef sample unaligned_samples
    __attribute__((vector_size(sizeof(sample) * columns), aligned(sizeof(sample)), may_alias));

// The first `valid` of `columns` samples at p; the others are not read and count as 0.
template <int valid>
FFTCONV_INLINE part load_samples(const sample* p) {
  part_samples s = {};
  if constexpr (valid == columns) {
    s = *(const unaligned_samples*)p;
  } else {
#pragma unroll
    for (int i = 0; i < valid; ++i) s[i] = p[i];
  }
  return widened(s);
}

// Writes the first `valid` samples and nothing else.
template <int valid, bool past_caches>
FFTCONV_INLINE void store_samples(sample* p, const part& v) {
  const part_samples s = narrowed(v);
  if constexpr (valid < columns) {
#pragma unroll
    for (int i = 0; i < valid; ++i) p[i] = s[i];
  } else if constexpr (past_caches) {
    __builtin_nontemporal_store(s, (part_samples*)p);
  } else {
    *(unaligned_samples*)p = s;
  }
}

// Streaming stores are seen by other threads only after a fence.
FFTCONV_INLINE void finish_streaming() {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}
