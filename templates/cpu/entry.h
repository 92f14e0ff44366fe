// The entry that convolves, and where in a page its stack stands.
#pragma once
#include "rows.h"

// The stack of a caller stands anywhere. Processors compare the addresses of a load and of the stores before it by
// their last 12 bits, so a spilled register that shares its place in a page with a table or with the scratch makes
// loads wait for stores that are none of theirs: the same kernel was up to 17 % slower in one process than in the
// next. What is called while one of these lives has its stack at a fixed place in a page. This place was among the
// best for leaves of 32 to 128 vectors at L = 256 to 64K, where tables and scratch begin a page.
struct FixedStack {
  alignas(4096) volatile char place[3072];
  FixedStack() { place[0] = 0; }
  ~FixedStack() { place[0] = 0; }  // after the call, so that it is none that gives up this frame
};

static __attribute__((noinline)) void convolve_items(const fftconv_args* args, index first, index last, real* z);

// Work items first .. last - 1 (of a gradient: filters); z is the worker's scratch, aligned to 64 bytes.
FFTCONV_ENTRY void fftconv_convolution(const fftconv_args* args, index first, index last, real* z) {
  const FixedStack stack;
  convolve_items(args, first, last, z);
}
