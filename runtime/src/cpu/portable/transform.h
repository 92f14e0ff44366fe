// The tree walked at run time, and the two entries of a portable kernel.
#pragma once

#include "cpu/portable/leaves.h"
#include "cpu/portable/rows.h"
#include "fftconv/kernel_source.h"
#include "fftconv/portable_shape.h"

namespace fftconv {
namespace {

struct Walk {
  const PortableShape& shape;
  const float* tables;
  float* spectrum;  ///< of one filter
  LeafRun leaves;
};

Walk walk_of(const KernelArgs& args, std::int64_t filter, bool forward_only) {
  const auto& shape = *static_cast<const PortableShape*>(args.tables);
  return {.shape = shape,
          .tables = reinterpret_cast<const float*>(&shape + 1),
          .spectrum = static_cast<float*>(args.spectrum) + filter * 2 * shape.length,
          .leaves = kLeafRuns[shape.leaf_radix == 8][shape.computed_twiddles][forward_only]};
}

/// The children of node `number` of `level`, whose residues are `points` points at z.
template <bool forward_only>
void descend(const Walk& walk, float* z, int level, std::int64_t number, std::int64_t points) {
  const PortableShape& shape = walk.shape;
  const int radix = shape.radices[level];
  const std::int64_t child = points / radix, first = radix * number;
  if (level + 1 == shape.levels) {
    const LeafTables tables{walk.tables + shape.leaf_scalars + first * shape.leaf_scalars_each,
                            walk.tables + shape.leaf_vectors + first * shape.leaf_vectors_each,
                            shape.leaf_scalars_each, shape.leaf_vectors_each};
    return walk.leaves(z, walk.spectrum + 2 * first * child, tables, radix);
  }
  const int inner = shape.radices[level + 1];
  const std::int64_t stride = child / inner / kLanes;
  for (std::int64_t k = 0; k < radix; ++k) {
    float* const part = z + 2 * k * child;
    const float* const twiddles = walk.tables + shape.twiddles[level + 1] + 2 * (inner - 1) * (first + k);
    kPasses[inner].split(part, stride, twiddles);
    descend<forward_only>(walk, part, level + 1, first + k, child);
    if constexpr (!forward_only) kPasses[inner].join(part, stride, twiddles);
  }
}

/// Rows first .. last - 1, channel by channel; z is scratch for the transform and one row in fp32.
void convolve(const KernelArgs* args, std::int64_t first, std::int64_t last, float* z) {
  const auto& shape = *static_cast<const PortableShape*>(args->tables);
  const std::int64_t seqlen = shape.seqlen, blocks = (seqlen + kLanes - 1) / kLanes;
  const std::int64_t bytes = shape.io == DataType::f32 ? 4 : 2;
  const std::int64_t stride = shape.length / shape.radices[0] / kLanes;
  const Passes& root = kPasses[shape.radices[0]];
  const RowMoves& moves = moves_of(shape.io);
  const bool in_place = shape.io == DataType::f32 && seqlen % kLanes == 0;
  float* const staged = z + 2 * shape.length;
  for (std::int64_t item = first; item < last; ++item) {
    const std::int64_t channel = item / args->batch, example = item % args->batch;
    const std::int64_t row = example * args->channels + channel, at = row * seqlen * bytes;
    const auto of_row = [at](const void* p) { return p ? static_cast<const char*>(p) + at : nullptr; };
    const void* const u = of_row(args->u);
    void* const y = static_cast<char*>(args->y) + at;
    const void* const pregate = shape.pregate ? of_row(args->pregate) : nullptr;
    const void* const postgate = shape.postgate ? of_row(args->postgate) : nullptr;
    const Walk walk =
        walk_of(*args, shape.filter_per_example ? row : channel * args->filters / args->channels, false);

    const bool reads_u = in_place && !pregate;
    if (!reads_u) moves.gather(staged, u, pregate, seqlen);
    root.split_row(reads_u ? static_cast<const float*>(u) : staged, blocks, z, stride, shape.root_twiddles);
    descend<false>(walk, z, 0, 0, shape.length);
    const bool writes_y = in_place && !postgate && !shape.skip;
    root.join_row(writes_y ? static_cast<float*>(y) : staged, blocks, z, stride, shape.root_twiddles);
    if (writes_y) continue;
    const float skip = shape.skip ? static_cast<const float*>(args->skip)[channel] : 0.0f;
    moves.scatter(y, staged, postgate, shape.skip ? u : nullptr, skip, seqlen);
  }
}

void add_tap(float* z, std::int64_t position, int imaginary, float value) {
  z[position / kLanes * kBlock + imaginary * kLanes + position % kLanes] += value;
}

/// The filter as a polynomial mod z^M - i, times 1 / M for the factors that the joins leave out: a tap at lag l >= 0
/// stands at z^l, one at lag -m at -i z^(M - m). A circular tap stands at lags l and l - L.
void place_taps(const PortableShape& shape, const float* taps, float* z) {
  const auto scale = static_cast<float>(1.0 / static_cast<double>(shape.length));
  for (std::int64_t i = 0; i < 2 * shape.length; ++i) z[i] = 0;
  for (std::int64_t j = 0; j < shape.filter_len; ++j) {
    const float value = taps[j] * scale;
    std::int64_t lag = shape.first_lag + shape.lag_step * j;
    if (shape.circular) {
      lag = lag < 0 ? lag + shape.seqlen : lag;
      if (lag > 0) add_tap(z, shape.length + lag - shape.seqlen, 1, -value);
    }
    if (lag >= 0) {
      add_tap(z, lag, 0, value);
    } else {
      add_tap(z, shape.length + lag, 1, -value);
    }
  }
}

/// Spectra of filters first .. last - 1, in the order of the leaves.
void transform_filters(const KernelArgs* args, std::int64_t first, std::int64_t last, float* z) {
  for (std::int64_t filter = first; filter < last; ++filter) {
    const Walk walk = walk_of(*args, filter, true);
    const PortableShape& shape = walk.shape;
    place_taps(shape, static_cast<const float*>(args->filter) + filter * shape.filter_len, z);
    kPasses[shape.radices[0]].split(z, shape.length / shape.radices[0] / kLanes, shape.root_twiddles);
    descend<true>(walk, z, 0, 0, shape.length);
  }
}

}  // namespace
}  // namespace fftconv
