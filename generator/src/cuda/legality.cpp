// What the fused family can compute, and the first reason why a config cannot.
#include <fmt/format.h>

#include <algorithm>

#include "backend.h"
#include "cuda/geometry.h"
#include "cuda/layout.h"
#include "fftconv/sparsity.h"

namespace fftconv::cuda {
namespace {

bool is_outer_radix(int radix) {
  return radix == 2 || radix == 3 || radix == 4 || radix == 5 || radix == 8 ||
         (radix > 0 && radix % 16 == 0 && radix <= 64);
}

bool is_dense(const Problem& problem) {
  const std::array<std::int64_t, 3> dense{problem.channels * problem.seqlen, problem.seqlen, 1};
  return problem.strides == std::array<std::int64_t, 3>{} || problem.strides == dense;
}

Result<void> check_problem(const Problem& problem) {
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  if (problem.precision == Precision::f64) {
    return unsupported("fp64 has no CUDA kernels; compute references with --device cpu");
  }
  if (problem.direction == Direction::backward_filter) {
    return unsupported("the filter's gradient has no CUDA kernel yet; use forward or backward_input");
  }
  if (problem.pregate || problem.postgate || problem.skip) {
    return unsupported("gates and the skip term have no CUDA kernel yet; apply them outside the convolution");
  }
  if (problem.carry) {
    return unsupported("carry from block to block has no CUDA kernel yet; use the CPU device");
  }
  if (problem.layout != fftconv::Layout::bhl || !is_dense(problem)) {
    return unsupported(
        "the CUDA kernels take dense (batch, channels, seqlen) rows; copy the tensor into that layout");
  }
  if (is_sparse(problem)) {
    return unsupported("frequency-sparse filters have no CUDA kernel yet; leave every block kept");
  }
  return {};
}

Result<void> check_radices(const Problem& problem, const KernelConfig& config) {
  const std::vector<int>& radices = config.radices;
  const int order = static_cast<int>(radices.size());
  if (order < 2 || order > 4) return unsupported("the fused family has orders p = 2, 3 and 4");
  const int rows = radices[order - 2], columns = radices[order - 1];
  if (rows < 16 || columns < 16 || rows % 16 != 0 || columns % 16 != 0 || rows * columns > 1024) {
    return unsupported("the last two radices are multiples of 16 with a product of at most 1024");
  }
  if (config.strategy == Strategy::l2) {
    const int residues = radices[0];
    if (order != 4 || (radices[1] % 16 != 0 && 16 % radices[1] != 0)) {
      return unsupported("strategy l2 has order 4: residues, a digit on tensor cores and the core");
    }
    if (residues < 2 || residues > 16) return unsupported("strategy l2 has 2 to 16 residues");
    if (config.paired) return unsupported("strategy l2 does not pair rows");
  }
  for (int d = config.strategy == Strategy::l2 ? 1 : 0; d + 2 < order; ++d) {
    if (!is_outer_radix(radices[d])) {
      return unsupported(
          fmt::format("radix {} is not supported outside the core: 2, 3, 4, 5, 8, 16, 32, 48, 64 are", radices[d]));
    }
  }
  if (transform_length(config) < problem.seqlen) {
    return unsupported(fmt::format("the transform length {} is below the sequence length {}",
                                   transform_length(config), problem.seqlen));
  }
  if (config.paired && (problem.mode != Mode::circular || transform_length(config) != problem.seqlen)) {
    return unsupported("paired rows need circular mode and a transform of exactly the sequence's length");
  }
  return {};
}

Result<void> check_engine(const Problem& problem, const KernelConfig& config) {
  switch (config.engine) {
    case Engine::mma_f16:
    case Engine::mma_f16f32:
      if (problem.precision == Precision::f16) return {};
      return unsupported(fmt::format("{} computes in fp16: its error or its range is not that of the class {}",
                                     to_string(config.engine), to_string(problem.precision)));
    case Engine::mma_bf16:
      if (problem.precision == Precision::bf16) return {};
      return unsupported("mma-bf16 serves the class bf16 only");
    case Engine::mma_split:
      if (problem.precision == Precision::f32) return {};
      return unsupported(
          "mma-split serves the class f32 only; the other classes have engines of a third of its cost");
    case Engine::vector:
      break;
  }
  return unsupported("the vector engine is the CPU device's");
}

Result<void> check_geometry(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (config.strategy != Strategy::fused && config.strategy != Strategy::l2) {
    return unsupported("only the strategies fused and l2 have CUDA kernels yet");
  }
  if (config.rows < 1 || config.warps < 1 || config.depth < 1 || config.depth > 4 || config.loop < 0) {
    return unsupported("rows and warps are at least 1, depth is 1 to 4, loop is not negative");
  }
  const Layout l = make_layout(problem, config);
  if (l.threads > 1024) return unsupported("a block has at most 1024 threads");
  if (l.order == 2 && config.warps != 1) return unsupported("order 2 computes a row in one warp");
  if (config.warps > l.slabs) return unsupported("more warps than slabs: some would idle");
  if (config.warps > 1 && config.rows > 15) return unsupported("there are 15 named barriers for rows in flight");
  const bool kept = config.filter == Residency::registers || config.twiddle == Residency::registers;
  if (kept && (!l.resident_slabs || l.slabs % config.warps != 0 || l.slabs / config.warps > 4)) {
    return unsupported("constants stay in registers for cores of 16 x 16 with at most 4 slabs a warp, evenly shared");
  }
  if (config.strategy == Strategy::l2 && (kept || config.depth != 1)) {
    return unsupported("strategy l2 keeps no constants in registers and has depth 1");
  }
  if (problem.sharing == FilterSharing::per_example && (config.filter == Residency::registers || config.paired)) {
    return unsupported("a filter for each example is read again for each row: filter-mem, not paired");
  }
  if (l.shared_bytes > device.shared_per_block) {
    return unsupported(fmt::format("needs {} bytes of shared memory a block; {} has {}", l.shared_bytes, device.arch,
                                   device.shared_per_block));
  }
  const Geometry geometry = make_geometry(problem, config, l, device);
  if (geometry.registers > 255) return unsupported("needs more registers than a thread can have");
  if ((geometry.registers + 7) / 8 * 8 * l.threads > device.registers_per_sm) {
    return unsupported("needs more registers than a multiprocessor has");
  }
  if (problem.channels > 2147483647 || geometry.grid_y > 65535) {
    return unsupported("the batch is cut into more than 65535 parts; use a larger loop");
  }
  if (config.compiler == CompilerId::none) return unsupported("a CUDA kernel needs a compiler: nvrtc or clang");
  return {};
}

}  // namespace

Result<void> check_legal(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  if (device.arch.rfind("sm_", 0) != 0) {
    return unsupported(fmt::format("{} is not a CUDA architecture", device.arch));
  }
  if (Result<void> r = check_problem(problem); !r) return r;
  if (Result<void> r = check_radices(problem, config); !r) return r;
  if (Result<void> r = check_engine(problem, config); !r) return r;
  return check_geometry(problem, config, device);
}

}  // namespace fftconv::cuda
