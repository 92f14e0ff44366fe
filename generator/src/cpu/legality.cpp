#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backend.h"
#include "cpu/lags.h"
#include "cpu/tree.h"

namespace fftconv::cpu {
namespace {

Result<void> check_problem(const Problem& problem) {
  if (Result<void> valid = validate(problem); !valid) return valid;
  if (problem.direction == Direction::backward_filter) {
    return unsupported(
        "The CPU device does not compute the filter's gradient: use direction forward or backward_input.");
  }
  const std::int64_t row = problem.seqlen;
  const std::array<std::int64_t, 3> dense{problem.channels * row, row, 1};
  const bool strided = problem.strides != std::array<std::int64_t, 3>{} && problem.strides != dense;
  if (problem.layout != Layout::bhl || strided) {
    return unsupported(
        "The CPU device reads dense (batch, channels, seqlen) rows only: copy the data into that layout.");
  }
  if (std::ranges::any_of(problem.kept, [](std::uint64_t mask) { return mask != ~0ull; })) {
    return unsupported("The CPU device has no frequency-sparse kernels: use a dense filter spectrum.");
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

/// Portable kernels are for where nothing compiles: a slow one that was measured there must not be taken over by a
/// device that has a compiler.
Result<void> check_compiler(const KernelConfig& config, const DeviceFacts& device) {
  if (config.compiler == CompilerId::nvrtc) return unsupported("The CPU device compiles with clang only.");
  const bool portable = config.compiler == CompilerId::none;
  if (portable && device.compiles) {
    return unsupported("The portable kernel is for a CPU without a compiler: this device has one, use clang.");
  }
  if (!portable && !device.compiles) {
    return unsupported("This CPU device has no compiler: use the portable kernel, or install LLVM 19.");
  }
  if (portable && (config.rows != 1 || config.paired || config.streaming || config.interleave != 1)) {
    return unsupported(
        "The portable kernel takes one row at a time: use rows 1, interleave 1, stream 0, not paired.");
  }
  return {};
}

Result<void> check_config(const KernelConfig& config, const DeviceFacts& device) {
  if (config.engine != Engine::vector) return unsupported("The CPU device runs the vector engine only.");
  if (config.strategy != Strategy::fused) return unsupported("The CPU device has the fused strategy only.");
  if (Result<void> ok = check_compiler(config, device); !ok) return ok;
  const KernelConfig plain;
  if (config.warps != plain.warps || config.loop != plain.loop || config.depth != plain.depth ||
      config.filter != plain.filter) {
    return unsupported(
        "warps, loop, depth and the place of the filter are CUDA's: leave them out on the CPU device.");
  }
  const int widest = device.vector_lanes > 0 ? device.vector_lanes : 16;
  if ((config.lanes != 4 && config.lanes != 8 && config.lanes != 16) || config.lanes > widest) {
    return unsupported(fmt::format("{} lanes do not fit {}: use 4, 8 or 16, and no more than {}.", config.lanes,
                                   device.arch, widest));
  }
  if (config.rows < 1 || config.rows > config.lanes || (config.rows & (config.rows - 1)) != 0) {
    return unsupported(
        fmt::format("{} rows do not fit {} lanes: use a power of two up to that.", config.rows, config.lanes));
  }
  if (config.interleave != 1 && config.interleave != 2 && config.interleave != 4) {
    return unsupported(fmt::format("{} leaves cannot be interleaved: use 1, 2 or 4.", config.interleave));
  }
  return check_radices(config);
}

}  // namespace

Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (Result<void> ok = check_problem(problem); !ok) return ok;
  if (Result<void> ok = check_config(config, device); !ok) return ok;
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
  if (config.streaming && config.rows > 1) {
    return unsupported("Streaming stores need rows 1: rows side by side are written a part at a time.");
  }
  return {};
}

}  // namespace fftconv::cpu
