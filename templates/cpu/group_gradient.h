// Gradients of the filters of neighbouring channels together, from rows that are gathered. Their sums take turns in
// the third plane of the worker's scratch, and are kept behind it meanwhile.
#pragma once
#include "gradient.h"
#include "groups.h"

// What one work item does: filters first … first + count - 1, and the rows that use them.
struct FilterGroup {
  index first, count;
  index channel, channels;
  index example, examples;
};
FFTCONV_INLINE FilterGroup filter_group(const fftconv_args& args, index number) {
  if constexpr (filter_per_example) {
    const index blocks = (args.channels + group_channels - 1) / group_channels;
    const index example = number / blocks, channel = number % blocks * group_channels;
    const index channels = lesser(group_channels, args.channels - channel);
    return {example * args.channels + channel, channels, channel, channels, example, 1};
  }
  const index each = args.channels / args.filters, most = greater(1, group_channels / each);
  const index first = number * most, count = lesser(most, args.filters - first);
  return {first, count, first * each, count * each, 0, args.batch};
}

// Calls visit(group) for the groups of rows behind some filters.
template <class Visit>
FFTCONV_INLINE void each_group(const FilterGroup& filters, real* z, Visit visit) {
  for (index e = 0; e < filters.examples; e += group_examples) {
    for (index c = 0; c < filters.channels; c += group_channels)
      visit(group_at(filters.channel + c, filters.channels - c, filters.example + e, filters.examples - e, z));
  }
}

FFTCONV_INLINE real* kept_sum(real* z, index filter) { return z + (3 + filter) * plane; }

FFTCONV_INLINE void copy_plane(const real* from, real* to) {
  for (index i = 0; i < length / columns * block; ++i) to[i] = from[i];
}

// The rows of dy that belong to an item's rows of u.
FFTCONV_INLINE Item gradient_of(const Item& item, const GroupRows& source) {
  Item dy = item;
  dy.u = copy_of(source.group, copy_of_dy);
  dy.pregate = has_postgate ? copy_of(source.group, copy_of_postgate) : nullptr;
  return dy;
}
