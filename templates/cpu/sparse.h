// Frequency-sparse filters. Frequency f is where z = exp(2 pi i (theta + f) / M), theta of the root; child k of a
// node has those that are k modulo R above what led to the node. Nodes without a frequency that is kept are left out
// of the tree: their parent does not compute their residues, and on the way back takes zeros for them, as the
// filter's spectrum is zero there. Inside leaves the zeros are multiplied.
#pragma once
#include "leaf.h"

// Of the whole frequency, f = f_1 + size_1 f_2 + ….
FFTCONV_INLINE bool is_kept(index f) {
  bool all = true;
  for (const Digit& digit : digits) {
    all = all && (digit.kept >> (f % digit.size / 16) & 1);
    f /= digit.size;
  }
  return all;
}

// Leaves are numbered by their digits in the order of the tree, of which the root's counts most; in a frequency it
// counts least.
FFTCONV_INLINE index frequency_of(index leaf) {
  index f = 0, place = leaf_count;
  for (int level = tree_levels - 1; level >= 0; --level) {
    place /= tree_radix[level];
    f += leaf % tree_radix[level] * place;
    leaf /= tree_radix[level];
  }
  return f;
}

// Clears what is dropped of leaf `leaf`, whose vectors of `width` real parts, then as many imaginary ones, are at
// `a`.
template <int width>
FFTCONV_INLINE void drop_of_leaf(real* a, index leaf) {
  const index first = frequency_of(leaf);
  for (int k = 0; k < leaf_radix; ++k) {
    for (int i = 0; i < width; ++i) {
      if (is_kept(first + leaf_count * leaf_frequency[k * columns + i % columns])) continue;
      a[2 * k * width + i] = a[(2 * k + 1) * width + i] = 0;
    }
  }
}
// The same of leaves first … last - 1, where leaf 0 is at `a`.
template <int width>
static __attribute__((noinline)) void drop(real* a, index first, index last) {
  for (index leaf = first; leaf < last; ++leaf) drop_of_leaf<width>(a + leaf * leaf_radix * 2 * width, leaf);
}
