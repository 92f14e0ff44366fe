// What one launch does, counted from the layout. Products and shared-memory bytes are exact (the simulation counts
// the same). Instructions are an estimate, held against the machine code of the row loop for the model's first choice
// of each length (tests/static_quality_test.cpp).
#include "backend.h"
#include "cuda/geometry.h"
#include "cuda/layout.h"

namespace fftconv::cuda {
namespace {

struct PerTransform {
  double mma = 0, flops = 0, instructions = 0, shared = 0, l2 = 0;
};

/// Pieces of work of an outer digit on tensor cores, over all slabs.
double units_of(const Layout& l, const OuterDigit& digit, int width) {
  const std::int64_t bases = l.slabs / digit.radix, sets = l.rows / digit.columns;
  return static_cast<double>(bases * sets) * (l.columns / 8.0 / width);
}

/// Instructions for places in memory and for loops; the compiler folds those of places that are the same for all
/// warps. Coefficients: least squares over the row loops of a hundred kernels of all shapes and engines, NVRTC 13.0
/// for sm_90a.
double place_instructions(const KernelConfig& config, const Layout& l) {
  constexpr double once_a_row = 30, once_a_row_with_two_digits = 80;  // of a warp: barriers, predicates
  constexpr double unrolled_unit = 4, looped_unit = 38;               // first digit
  constexpr double shared_unit = 35, own_unit = 3;                    // second digit: several warps at one k1, or one
  constexpr double slab_from_memory = 25;                             // addresses of its tables
  constexpr int unrolled_turns = 4;
  const double warps = config.warps;
  const bool many = config.warps > 1;
  double instructions = once_a_row * warps;
  if (l.first.mma) {
    const double units = units_of(l, l.first, l.width_first);
    instructions += 2 * units * (units > unrolled_turns * warps ? looped_unit : unrolled_unit);
  }
  if (l.order >= 4 && many) instructions += once_a_row_with_two_digits * warps;
  if (l.second.mma && many) {
    const bool shared = l.first.radix < config.warps && config.warps % l.first.radix == 0;
    instructions += 2 * units_of(l, l.second, l.width_second) * (shared ? shared_unit : own_unit);
  }
  // Where something stays in registers the loop over slabs is unrolled, and addresses are constants.
  const bool stays = config.twiddle == Residency::registers || config.filter == Residency::registers;
  if (l.order > 2 && many && !stays) instructions += slab_from_memory * l.slabs;
  return instructions;
}

/// Real 16 x 16 by 16 x 8 products of a digit with a dense matrix of `radix` points, over M points.
double digit_products(std::int64_t m, int radix, int real_products) {
  const double blocks = radix / 16.0;
  return blocks * blocks * (static_cast<double>(m) / radix / 8) * real_products;
}

PerTransform per_transform(const KernelConfig& config, const Layout& l) {
  PerTransform t;
  const double m = static_cast<double>(l.m);
  const double spectrum = 4.0 * l.planes * m;  // bytes of all slabs
  const double io = static_cast<double>(l.riders) * m * l.io_size;
  const int ends = l.paired ? 4 : 2;  // first and last stage: real rows take half the products

  // Rows: copied in, read by the first stage, written by the last, copied out. Residues leave them in global memory
  // and read u once, y but for the first time, and write y, each time whole.
  if (l.residues == 1) t.shared += 4 * io;
  if (l.residues > 1) {
    t.shared += 2 * spectrum;
    t.l2 += (3.0 * l.residues - 1) * io - 2 * io;
    t.flops += 8.0 * m * l.residues;
  }
  // The first and the last stage of the transform, and what lies between.
  const auto outer = [&](const OuterDigit& digit, bool is_first) {
    if (digit.radix == 1) return;
    const bool meets_rows = is_first && l.residues == 1;
    t.shared += meets_rows ? 2 * spectrum : 4 * spectrum;
    const int products = meets_rows ? ends : 4;
    if (digit.mma) {
      t.mma += 2 * digit_products(l.m, 16 * digit.blocks, products);
      // A unit reads the whole matrix for the columns it computes, unless that is one block, which stays in
      // registers.
      const int width = is_first ? l.width_first : l.width_second;
      const double unit_points = 16.0 * digit.blocks * 8 * width;
      const double matrix_bytes = 2.0 * l.fragment_bytes * digit.blocks * digit.blocks;
      if (digit.blocks > 1) t.l2 += 2 * m / unit_points * matrix_bytes;
    } else {
      t.flops += 2.0 * 2 * products * m * digit.radix;
    }
  };
  outer(l.first, true);
  outer(l.second, false);
  const int core_ends = l.order == 2 ? ends : 4;
  t.mma += 2 * digit_products(l.m, l.rows, core_ends) + 2 * digit_products(l.m, l.columns, 4);
  if (l.planes == 2) t.mma *= 3;
  if (l.order > 2) t.shared += 2 * spectrum;

  // Constants that are read again for each transform: A, T, K; a core of 16 x 16 reads A and T once.
  const double point = static_cast<double>(l.spectrum_point_bytes);
  const double reads = l.resident_slabs ? 1 : 2;
  const double a = point * m * l.rows / l.columns;
  if (config.twiddle == Residency::memory) t.l2 += reads * (a + point * m);
  if (config.filter == Residency::memory) t.l2 += point * m;
  if (!l.resident_columns) t.l2 += 2 * point * m * l.columns / l.rows;

  // Instructions of a warp: products, 16-byte matrix loads, 4-byte stores, pointwise products (5 on a pair of
  // points), conversions of fp32 accumulators, copies of rows, loads of constants.
  const double pairs = m / 64;  // pairs of complex points of a lane
  double instructions = t.mma + t.l2 / 512 + t.flops / 64;
  if (l.order > 2) instructions += (l.order - 2) * 2 * (spectrum / 512 + spectrum / 128) + 2 * pairs;
  instructions += (l.planes == 2 ? 28 : 5) * 3 * pairs;
  const int stages = 2 * l.order;
  if (config.engine != Engine::mma_f16) instructions += stages * 2 * pairs * (l.planes == 2 ? 6 : 1);
  const double copies = io / (32.0 * l.copy);
  instructions += copies * 4 * 2 + io / 512 + io / 128;
  t.instructions = 1.05 * instructions + place_instructions(config, l);
  return t;
}

}  // namespace

KernelCounts count(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  const Layout l = make_layout(problem, config);
  const Geometry g = make_geometry(problem, config, l, device);
  const PerTransform t = per_transform(config, l);
  const std::int64_t groups = (problem.batch + l.riders - 1) / l.riders;
  const double transforms = static_cast<double>(groups) * static_cast<double>(problem.channels);
  KernelCounts c;
  c.mma = t.mma * transforms;
  c.flops = t.flops * transforms;
  c.instructions = t.instructions * transforms;
  c.shared_bytes = t.shared * transforms;
  c.l2_bytes = t.l2 * transforms;
  c.complex_points = static_cast<double>(l.m) * transforms;
  c.blocks = std::int64_t{g.grid_x} * g.grid_y;
  const double rows = static_cast<double>(problem.batch) * static_cast<double>(problem.channels);
  c.memory_bytes = 2 * rows * static_cast<double>(problem.seqlen) * l.io_size +
                   static_cast<double>(filter_count(problem)) * static_cast<double>(l.m * l.spectrum_point_bytes);
  c.threads = l.threads;
  c.shared_per_block = l.shared_bytes;
  c.registers = g.registers;
  return c;
}

}  // namespace fftconv::cuda
