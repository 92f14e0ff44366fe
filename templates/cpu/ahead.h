// Fetching ahead: while the leaves of one item are computed, what comes next is brought near, a piece with each leaf.
// Rows are far apart in memory, so that no processor does this by itself across their borders.
#pragma once
#include "product.h"

// What leaves know of items: the pieces that the kernel will want next, which are the next item's input with its
// gate, this item's other gate, and its output where that is written through the caches.
struct Ahead {
  Item next, item;
  bool reads, writes;
  History history;  // of this item
};

constexpr index piece_bytes = leaf_radix * columns * (index)sizeof(sample);  // of a row, with each leaf

// `level`: of caches, 3 the nearest. Gates go to the next one, so that they do not push out the transform.
template <bool for_writing, int level>
FFTCONV_INLINE void fetch(const sample* row, index leaf) {
  const char* const from = (const char*)row + leaf * piece_bytes;
#pragma unroll
  for (index at = 0; at < piece_bytes; at += 64) __builtin_prefetch(from + at, for_writing, level);
}

FFTCONV_INLINE void fetch_ahead(const Ahead& ahead, index leaf) {
  if (!ahead.reads || (piece_bytes < 64 && leaf * piece_bytes % 64 != 0)) return;
#pragma unroll
  for (int r = 0; r < item_rows; ++r) {
    fetch<false, 3>(ahead.next.u + ahead.next.offset[r], leaf);
    if constexpr (has_pregate) fetch<false, 2>(ahead.next.pregate + ahead.next.offset[r], leaf);
    if constexpr (has_postgate) fetch<false, 2>(ahead.item.postgate + ahead.item.offset[r], leaf);
    if (streaming && ahead.writes) fetch<true, 3>(ahead.item.y + ahead.item.offset[r], leaf);
  }
}
