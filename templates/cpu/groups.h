// Work items of rows that are gathered: the rows of up to `group_channels` neighbouring channels in up to
// group_examples examples. Their copies stand in the worker's scratch behind what the kernel itself needs, dense, and
// there they are convolved like any others.
#pragma once
#include "rows.h"
#include "strided.h"

constexpr index group_examples = group_items * item_rows;
constexpr index group_samples = group_channels * group_examples * row_pitch;  // of one tensor's copy

struct Group {
  index channel, first;      // the first of its channels and examples
  index channels, examples;  // that are there
  sample* copies;
};

// The places of the tensors among the copies.
enum Copy : index { copy_of_u, copy_of_pregate, copy_of_postgate, copy_of_y, copy_of_dy = copy_of_y };
FFTCONV_INLINE sample* copy_of(const Group& group, Copy tensor) {
  const index place = tensor == copy_of_u          ? 0
                      : tensor == copy_of_pregate  ? 1
                      : tensor == copy_of_postgate ? 1 + has_pregate
                                                   : 1 + has_pregate + has_postgate;
  return group.copies + place * group_samples;
}

// The group that begins here, where no more than so many channels and examples are left.
FFTCONV_INLINE Group group_at(index channel, index channels, index first, index examples, real* z) {
  return {channel, first, lesser(group_channels, channels), lesser(group_examples, examples),
          (sample*)(z + own_scratch)};
}

// Groups of one block of channels are neighbours: they share its filters.
FFTCONV_INLINE Group group_of(const fftconv_args& args, index number, real* z) {
  const index groups = (args.batch + group_examples - 1) / group_examples;
  const index channel = number / groups * group_channels, first = number % groups * group_examples;
  return group_at(channel, args.channels - channel, first, args.batch - first, z);
}

// Calls move(in memory, copy, strip) for each example of a tensor.
template <class Memory, class Move>
FFTCONV_INLINE void each_example(const fftconv_args& args, const Group& group, Memory* memory, sample* copy,
                                 Move move) {
  const Strip strip = {args.channel_stride, args.sample_stride, group_examples * row_pitch};
  for (index e = 0; e < group.examples; ++e) {
    move(memory + (group.first + e) * args.batch_stride + group.channel * args.channel_stride, copy + e * row_pitch,
         strip);
  }
}
FFTCONV_INLINE void gather_tensor(const fftconv_args& args, const Group& group, const void* tensor, Copy as) {
  each_example(args, group, (const sample*)tensor, copy_of(group, as),
               [&](const sample* from, sample* to, const Strip& s) { gather(from, to, s, group.channels); });
}
FFTCONV_INLINE void gather_group(const fftconv_args& args, const Group& group) {
  gather_tensor(args, group, args.u, copy_of_u);
  if (has_pregate && args.pregate) gather_tensor(args, group, args.pregate, copy_of_pregate);
  if (has_postgate) gather_tensor(args, group, args.postgate, copy_of_postgate);
}
FFTCONV_INLINE void scatter_group(const fftconv_args& args, const Group& group) {
  each_example(args, group, (sample*)args.y, copy_of(group, in_place ? copy_of_u : copy_of_y),
               [&](sample* to, const sample* from, const Strip& s) { scatter(from, to, s, group.channels); });
}

FFTCONV_INLINE index items_of_channel(const Group& group) { return (group.examples + item_rows - 1) / item_rows; }

// What item_of() takes where the rows are a group's.
struct GroupRows {
  const fftconv_args& args;
  const Group& group;
};
FFTCONV_INLINE Item item_of(const GroupRows& source, index number) {
  const Group& group = source.group;
  const index channel = number / items_of_channel(group), example = number % items_of_channel(group) * item_rows;
  Item item = item_at(source.args, group.channel + channel, group.first + example);
  item.u = copy_of(group, copy_of_u);
  item.y = copy_of(group, in_place ? copy_of_u : copy_of_y);
  item.pregate = item.pregate ? copy_of(group, copy_of_pregate) : nullptr;
  item.postgate = copy_of(group, copy_of_postgate);
  for (int r = 0; r < item_rows; ++r)
    item.offset[r] = (channel * group_examples + example + lesser(r, item.live - 1)) * row_pitch;
  return item;
}
// Rows in chunks: each whole, as a group is.
FFTCONV_INLINE index runs_of(const GroupRows&) { return 1; }
