// What a portable kernel of the CPU device is told instead of being compiled for it: one value, at the head of the
// kernel's tables.
#pragma once

#include <cstdint>

#include "fftconv/problem.h"

namespace fftconv {

/// The most levels that a tree of 2^28 points has.
inline constexpr int kMostPortableLevels = 28;

/// One transform and its problem as data. Right angle (mod z^length - i), one row at a time. Offsets are in floats
/// from the end of this value, which is followed by the tables of generator/src/cpu/tree.h.
struct alignas(64) PortableShape {
  std::int64_t seqlen = 0;      ///< L
  std::int64_t filter_len = 0;  ///< Lk
  std::int64_t first_lag = 0;   ///< lag of tap 0
  std::int64_t lag_step = 1;    ///< from tap to tap
  std::int64_t length = 0;      ///< M, points of the transform
  DataType io = DataType::f32;
  bool circular = false;  ///< lags are taken modulo L
  bool pregate = false;
  bool postgate = false;
  bool skip = false;
  bool filter_per_example = false;
  bool computed_twiddles = false;  ///< lane twiddles are a scalar times a vector that all leaves share
  int lanes = 0;                   ///< fp32 elements of a vector
  int leaf_radix = 0;              ///< vectors of a leaf: 4 or 8
  int levels = 0;                  ///< outer passes, the root's included
  int radices[kMostPortableLevels] = {};
  std::int64_t twiddles[kMostPortableLevels] = {};  ///< where each inner level's start; the root's are root_twiddles
  std::int64_t leaf_scalars = 0;
  std::int64_t leaf_scalars_each = 0;
  std::int64_t leaf_vectors = 0;
  std::int64_t leaf_vectors_each = 0;
  float root_twiddles[14] = {};  ///< pairs (re, im) of exp(2 pi i j / 4 R), j = 1 .. R - 1
};

}  // namespace fftconv
