// What several threads do to one work item together, pass by pass: a pass has units that may be worked on at the same
// time in any order, and begins when the one before has ended. All of them share the item's memory z.
#pragma once
#include "filter.h"
#include "rows.h"

// As fftconv::SharePass.
enum Pass : index {
  split_pass,    // of the nodes of a level; units: blocks of a part, of one node after another
  subtree_pass,  // units: nodes of a level with all that is below them, there and back
  join_pass,     // as split_pass
  clear_pass,    // units: blocks of the item's memory
  tap_pass,      // units: taps
};

// Calls part(node, block, count) for the blocks of each node, `stride` of a part, that units first .. last - 1 are.
template <class Part>
FFTCONV_INLINE void each_node(index stride, index first, index last, Part part) {
  while (first < last) {
    const index node = first / stride, b = first % stride, count = lesser(last - first, stride - b);
    part(node, b, count);
    first += count;
  }
}

template <int R>
FFTCONV_INLINE void split_nodes(real* z, index stride, const real* tables, index first, index last) {
  each_node(stride, first, last, [=](index node, index b, index count) {
    split<R>(z + (node * R * stride + b) * block, stride, count, tables + 2 * (R - 1) * node);
  });
}

template <int R>
FFTCONV_INLINE void join_nodes(real* z, index stride, const real* tables, index first, index last) {
  each_node(stride, first, last, [=](index node, index b, index count) {
    join<R>(z + (node * R * stride + b) * block, stride, count, tables + 2 * (R - 1) * node);
  });
}
