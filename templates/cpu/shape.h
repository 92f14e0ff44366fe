// The constants that one emitted kernel fixes. An emitted kernel has its own in this place; this file holds those of
// causal/L4096 in fp32 with one row at a time, so that the other files can be opened and compiled as they are.
#pragma once

using index = long;  // 64 bits on every supported host

using real = float;  // all arithmetic

constexpr int lanes = 16;                  // elements of a vector
constexpr int rows = 1;                    // rows side by side in a vector
constexpr int columns = lanes / rows;      // neighbouring samples of one row in a vector
constexpr index seqlen = 4096;             // L
constexpr index length = 4096;             // M, points of the transform
constexpr index root_gap = 0;              // blocks between the root's parts: whole pages would be alike to caches
constexpr int leaf_radix = 4;              // vectors of a leaf; a leaf has leaf_radix x columns points
constexpr int interleave = 1;              // leaves side by side
constexpr bool paired = false;             // two rows ride in one complex transform
constexpr bool computed_twiddles = false;  // lane twiddles are a scalar times a constant vector
constexpr bool streaming = false;          // y is written past the caches where rows are aligned, else fetched ahead
constexpr bool apart = false;              // rows are not dense: the arguments say where they stand
constexpr bool has_pregate = false;
constexpr bool has_postgate = false;
constexpr bool has_skip = false;
constexpr bool gradient = false;  // of the filter: u and dy are read, dk is written, and either gate may be missing
constexpr bool filter_per_example = false;
constexpr bool circular_filter = false;  // lags are taken modulo L
constexpr index filter_len = 4096;       // Lk
constexpr index partitions = 1;          // of the filter, each so long and a block later than the one before
constexpr index first_lag = 0;           // lag of tap 0
constexpr index lag_step = 1;            // from tap to tap
// Of rows that are gathered, as in strided.h.
constexpr int group_channels = 16;  // rows of so many channels
constexpr int group_items = 1;      // and of so many items of each
constexpr index row_pitch = 4112;   // samples from one of these rows to the next
constexpr index own_scratch = 2 * length * rows;
constexpr bool in_place = true;  // y takes the place of u
constexpr bool scatter_past_caches = false;
#define FFTCONV_SHARED FFTCONV_INLINE  // by entries for items and for shares of them

// Of frequency-sparse filters alone: digits of a frequency, of which the first counts least.
struct Digit {
  index size;          // values
  unsigned long kept;  // bit i keeps values 16 i to 16 i + 15
};
constexpr Digit digits[] = {{64, 0x3}, {64, 0xf}};
constexpr int tree_levels = 3, tree_radix[] = {4, 4, 4};  // above the leaves, the root's first
constexpr index leaf_count = 64;
constexpr index leaf_frequency[leaf_radix * columns] = {};  // of its vectors and their lanes, times leaf_count

enum class Type { f32, f16, bf16, f64 };
constexpr Type io_type = Type::f32;
#define FFTCONV_NATIVE_HALF 1
