#include "cuda/layout.h"

#include <algorithm>
#include <numeric>

namespace fftconv::cuda {
namespace {

std::int64_t odd_step(std::int64_t inner, std::int64_t step) {
  // An even number of odd steps is even: one more chunk keeps the banks apart.
  return inner * step + (inner % 2 == 0 ? 16 : 0);
}

int unit_width(const OuterDigit& digit, int columns) {
  const int chunks = columns / 8;
  return digit.blocks <= 2 && chunks % 4 == 0 ? 4 : 2;
}

}  // namespace

OuterDigit make_outer_digit(int radix) {
  if (radix % 16 == 0) return {radix, true, radix / 16, 1};
  if (16 % radix == 0 && radix > 1) return {radix, true, 1, 16 / radix};
  return {radix, false, 0, 1};
}

bool is_split(Engine engine) { return engine == Engine::mma_split; }

bool io_is_engine_type(DataType io, Engine engine) {
  if (engine == Engine::mma_bf16) return io == DataType::bf16;
  return io == DataType::f16 && !is_split(engine);
}

double slab_phase(const Layout& layout, int residue, int slab) {
  const int k1 = slab / layout.second.radix, k2 = slab % layout.second.radix;
  const int number = residue + layout.residues * (k1 + layout.first.radix * k2);
  return (number - layout.theta) / (layout.residues * layout.slabs);
}

Layout make_layout(const Problem& problem, const KernelConfig& config) {
  Layout l;
  const std::vector<int>& radices = config.radices;
  l.order = static_cast<int>(radices.size());
  l.m = transform_length(config);
  l.rows = radices[l.order - 2];
  l.columns = radices[l.order - 1];
  l.radices = radices;
  const int outer = config.strategy == Strategy::l2 ? 1 : 0;  // place of the first digit in shared memory
  if (outer == 1) l.residues = radices[0];
  if (l.order >= outer + 3) l.first = make_outer_digit(radices[outer]);
  if (l.order >= outer + 4) l.second = make_outer_digit(radices[outer + 1]);
  l.slabs = l.first.radix * l.second.radix;
  l.paired = config.paired;
  l.riders = config.paired ? 2 : 1;
  l.theta = config.paired ? 0.0 : 0.25;
  l.planes = is_split(config.engine) ? 2 : 1;
  l.io_size = static_cast<int>(size_of(problem.io));
  l.copy = static_cast<int>(std::gcd<std::int64_t>(16, problem.seqlen * l.io_size));
  l.fragment_bytes = 512 * l.planes;
  l.tile_bytes = 512 * l.planes;

  const int core = l.rows * l.columns;
  l.slab_bytes = 2 * l.planes * core * 2 + 16;
  l.io_slab_bytes = core * l.io_size + 16;
  const std::int64_t inner = l.second.radix;
  l.spectrum_row_bytes = l.order == 2 ? 0 : l.first.radix * odd_step(inner, l.slab_bytes);
  l.io_row_bytes = l.first.radix * odd_step(inner, l.io_slab_bytes);
  const int slots = l.residues > 1 ? 0 : config.depth * l.riders;  // residues read and write rows in global memory
  l.group_bytes = l.spectrum_row_bytes + slots * l.io_row_bytes;
  l.shared_bytes = config.rows * l.group_bytes;
  l.threads = 32 * config.warps * config.rows;

  std::int64_t end = 0;
  const auto place = [&end](std::int64_t& at, std::int64_t bytes) {
    at = end;
    end += (bytes + 127) / 128 * 128;
  };
  const auto matrix = [&l](int radix) { return std::int64_t{2} * l.fragment_bytes * (radix / 16) * (radix / 16); };
  if (l.residues > 1) place(l.table_residue, 8 * std::int64_t{l.residues} * l.residues);
  l.first_stride = matrix(16 * l.first.blocks);
  if (l.first.mma) place(l.table_first, l.residues * l.first_stride);
  l.second_stride = l.second.mma ? matrix(16 * l.second.blocks) : 8 * l.second.radix;
  if (l.second.radix > 1) place(l.table_second, l.first.radix * l.second_stride);
  l.a_stride = matrix(l.rows);
  const std::int64_t all_slabs = std::int64_t{l.residues} * l.slabs;
  place(l.table_a, all_slabs * l.a_stride);
  l.t_stride = std::int64_t{l.tile_bytes} * core / 128;
  place(l.table_t, all_slabs * l.t_stride);
  l.table_t_transposed = l.table_t;
  if (l.rows != l.columns) place(l.table_t_transposed, all_slabs * l.t_stride);
  place(l.table_w_left, matrix(l.columns));
  place(l.table_w_right, matrix(l.columns));
  place(l.table_roots, 8 * l.m);
  l.table_weights = l.table_roots;
  if (!l.paired) place(l.table_weights, 8 * l.m);
  l.table_bytes = end;

  l.spectrum_point_bytes = l.tile_bytes / 128;
  l.width_first = unit_width(l.first, l.columns);
  l.width_second = unit_width(l.second, l.columns);
  l.resident_columns = l.columns == 16;
  l.resident_slabs = l.rows == 16 && l.columns == 16;
  return l;
}

}  // namespace fftconv::cuda
