#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "backend.h"
#include "cpu/lags.h"
#include "cpu/row_places.h"
#include "cpu/tree.h"
#include "fftconv/sparsity.h"

namespace fftconv::cpu {
namespace {

constexpr std::int64_t kMostDirectTaps = 256;

Result<void> check_problem(const Problem& problem) {
  if (Result<void> valid = validate(problem); !valid) return valid;
  if (problem.direction == Direction::backward_filter && problem.skip) {
    return unsupported("The filter's gradient does not depend on the skip connection: plan it without.");
  }
  if (problem.batch > std::numeric_limits<int>::max() / problem.channels) {
    return unsupported(fmt::format("{} x {} rows are more than one launch takes: split the batch.", problem.batch,
                                   problem.channels));
  }
  return {};
}

Result<void> check_radices(const KernelConfig& config) {
  if (config.radices.empty()) return unsupported("The config has no radices: give at least the leaf's size.");
  const int columns = config.lanes / config.rows;
  std::int64_t length = 1;
  for (std::size_t i = 0; i + 1 < config.radices.size(); ++i) {
    if (!is_radix(config.radices[i])) {
      return unsupported(fmt::format("The CPU device has no radix {}: use 2, 3, 4, 5, 7 or 8.", config.radices[i]));
    }
  }
  for (int radix : config.radices) {
    length = radix > 0 ? length * radix : 0;
    if (length < 1 || length > (std::int64_t{1} << 28)) {
      return unsupported("The transform length is not between 1 and 2^28: choose other radices.");
    }
  }
  const int leaf = config.radices.back();
  const int vectors = leaf / columns;
  const bool whole = leaf % columns == 0;
  const bool fits = columns == 1   ? vectors == 1 || is_radix(vectors)
                    : columns == 2 ? vectors == 2 || vectors == 4 || vectors == 8
                                   : vectors == 4 || vectors == 8;
  if (!whole || !fits) {
    return unsupported(
        fmt::format("A leaf of {} points does not fit {} lanes with {} rows: use {} points, or twice as many.", leaf,
                    config.lanes, config.rows,
                    (columns == 1   ? 1
                     : columns == 2 ? 2
                                    : 4) *
                        columns));
  }
  return {};
}

/// Of a direct sum: the samples that are done at a time.
Result<void> check_piece(const KernelConfig& config) {
  if (config.radices.size() != 1) return unsupported("A direct sum has one radix, the samples of a piece.");
  const int piece = config.radices.front(), group = config.lanes * config.interleave;
  if (piece < group || piece % group != 0 || piece > (1 << 16)) {
    return unsupported(
        fmt::format("A piece of {} samples does not fit: use a multiple of {} up to 65536.", piece, group));
  }
  return {};
}

/// Portable kernels are for where nothing compiles: a slow one that was measured there must not be taken over by a
/// device that has a compiler.
Result<void> check_compiler(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (config.compiler == CompilerId::nvrtc) return unsupported("The CPU device compiles with clang only.");
  const bool portable = config.compiler == CompilerId::none;
  if (portable && device.compiles) {
    return unsupported("The portable kernel is for a CPU without a compiler: this device has one, use clang.");
  }
  if (!portable && !device.compiles) {
    return unsupported("This CPU device has no compiler: use the portable kernel, or install LLVM 19.");
  }
  if (portable && (problem.precision == Precision::f64 || problem.direction == Direction::backward_filter ||
                   problem.carry || config.strategy != Strategy::fused)) {
    return unsupported(fmt::format(
        "The portable kernel has neither fp64 nor the filter's gradient nor carry, which {} needs: install LLVM 19.",
        to_string(problem)));
  }
  if (portable && is_sparse(problem)) {
    return unsupported("The portable kernel has no frequency-sparse filters: install LLVM 19.");
  }
  if (portable && row_places(problem) != RowPlaces::dense) {
    return unsupported(
        "The portable kernel reads dense (batch, channels, seqlen) rows only: install LLVM 19, or copy the data.");
  }
  if (portable && (config.rows != 1 || config.paired || config.streaming || config.interleave != 1)) {
    return unsupported(
        "The portable kernel takes one row at a time: use rows 1, interleave 1, stream 0, not paired.");
  }
  return {};
}

/// y goes past the caches in whole lines: of a row, or of a sample where rows are gathered.
Result<void> check_streaming(const Problem& problem, const KernelConfig& config) {
  const bool gathered = row_places(problem) == RowPlaces::gathered;
  const std::int64_t square = config.lanes * static_cast<std::int64_t>(size_of(filter_type(problem)));
  if (gathered && (square < 64 || size_of(problem.io) < 4)) {
    return unsupported(
        "Channels that are written past the caches fill 64 bytes of fp32 or fp64: leave streaming out.");
  }
  if (config.strategy == Strategy::direct) return {};
  if (!gathered && problem.carry) {
    return unsupported("Rows that carry are written through the caches: leave streaming out.");
  }
  if (!reads_filter(problem)) {
    return unsupported("The filter's gradient has no rows to stream: leave streaming out.");
  }
  if (!gathered && config.rows > 1) {
    return unsupported("Streaming stores need rows 1: rows side by side are written a part at a time.");
  }
  return {};
}

Result<void> check_config(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (config.engine != Engine::vector) return unsupported("The CPU device runs the vector engine only.");
  if (config.strategy != Strategy::fused && config.strategy != Strategy::chunked &&
      config.strategy != Strategy::direct) {
    return unsupported("The CPU device has the strategies fused, chunked and direct.");
  }
  if (Result<void> ok = check_compiler(problem, config, device); !ok) return ok;
  const KernelConfig plain;
  if (config.warps != plain.warps || config.loop != plain.loop || config.depth != plain.depth ||
      config.filter != plain.filter) {
    return unsupported(
        "warps, loop, depth and the place of the filter are CUDA's: leave them out on the CPU device.");
  }
  const bool wide = problem.precision == Precision::f64;
  const int widest = (device.vector_lanes > 0 ? device.vector_lanes : 16) / (wide ? 2 : 1);
  if (!std::has_single_bit(static_cast<unsigned>(config.lanes)) || config.lanes < (wide ? 2 : 4) ||
      config.lanes > widest) {
    return unsupported(fmt::format("{} lanes of {} do not fit {}: use a power of two from {} to {}.", config.lanes,
                                   to_string(problem.precision), device.arch, wide ? 2 : 4, widest));
  }
  if (config.rows < 1 || config.rows > config.lanes || (config.rows & (config.rows - 1)) != 0) {
    return unsupported(
        fmt::format("{} rows do not fit {} lanes: use a power of two up to that.", config.rows, config.lanes));
  }
  if (config.interleave != 1 && config.interleave != 2 && config.interleave != 4) {
    return unsupported(fmt::format("{} leaves cannot be interleaved: use 1, 2 or 4.", config.interleave));
  }
  return config.strategy == Strategy::direct ? check_piece(config) : check_radices(config);
}

Result<void> check_plain(const Problem& problem, const char* strategy) {
  if (problem.carry || !reads_filter(problem)) {
    return unsupported(
        fmt::format("The strategy {} neither carries nor computes the filter's gradient: use fused.", strategy));
  }
  return {};
}

Result<void> check_chunked(const Problem& problem, const KernelConfig& config) {
  if (Result<void> plain = check_plain(problem, "chunked"); !plain) return plain;
  if (problem.mode == Mode::circular) return unsupported("Circular rows wrap, chunks do not: use fused.");
  if (config.paired || (config.streaming && row_places(problem) != RowPlaces::gathered))
    return unsupported("Chunks are neither paired nor streamed: leave both out.");
  if ((config.rows > 1) && problem.sharing == FilterSharing::per_example) {
    return unsupported("Rows with a filter each cannot share a vector: use rows 1.");
  }
  const std::int64_t length = transform_length(config);
  if (length < problem.filter_len) {
    return unsupported(
        fmt::format("A chunk of {} samples is too short for {} taps: it needs as many.", length, problem.filter_len));
  }
  if (length >= problem.seqlen) return unsupported("The chunk holds the whole row: use fused.");
  return {};
}

Result<void> check_direct(const Problem& problem, const KernelConfig& config) {
  if (Result<void> plain = check_plain(problem, "direct"); !plain) return plain;
  if (config.paired || config.rows != 1 || config.twiddle != Residency::memory) {
    return unsupported("A direct sum takes one row at a time and has no twiddles: use rows 1, not paired.");
  }
  if (problem.filter_len > kMostDirectTaps) {
    return unsupported(fmt::format("A direct sum over {} taps is slower than a transform: it takes up to {}.",
                                   problem.filter_len, kMostDirectTaps));
  }
  return {};
}

/// The masks name frequencies of one transform.
Result<void> check_sparse(const Problem& problem, const KernelConfig& config) {
  if (config.strategy != Strategy::fused || config.paired) {
    return unsupported(
        "A frequency-sparse filter has a right-angle spectrum of the whole row: use fused, not paired.");
  }
  if (const std::int64_t length = transform_length(config); length != sparsity_length(problem)) {
    return unsupported(fmt::format("The frequencies that are kept are those of a transform of {} points, not of {}.",
                                   sparsity_length(problem), length));
  }
  return {};
}

}  // namespace

Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (Result<void> ok = check_problem(problem); !ok) return ok;
  if (Result<void> ok = check_config(problem, config, device); !ok) return ok;
  if (Result<void> ok = config.streaming ? check_streaming(problem, config) : Result<void>(); !ok) return ok;
  if (is_sparse(problem)) {
    if (Result<void> ok = check_sparse(problem, config); !ok) return ok;
  }
  if (config.strategy == Strategy::chunked) return check_chunked(problem, config);
  if (config.strategy == Strategy::direct) return check_direct(problem, config);
  const std::int64_t length = transform_length(config), needed = needed_length(problem, config.paired);
  if (length < needed) {
    return unsupported(
        fmt::format("A transform of {} points is too short for this problem: it needs {}.", length, needed));
  }
  if (config.paired && problem.mode == Mode::circular && length != problem.seqlen) {
    return unsupported(fmt::format("Paired circular rows need a transform of exactly L = {} points, not {}.",
                                   problem.seqlen, length));
  }
  if ((config.rows > 1 || config.paired) && problem.sharing == FilterSharing::per_example) {
    return unsupported("Rows with a filter each cannot share a vector: use rows 1, not paired.");
  }
  return {};
}

}  // namespace fftconv::cpu
