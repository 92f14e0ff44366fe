// Layout: every number that the emitted text, its tables, its legality and its counts share for one (problem,
// config).
#pragma once

#include <cstdint>
#include <vector>

#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv::cuda {

/// A digit of the Monarch transform outside the core.
struct OuterDigit {
  int radix = 1;
  bool mma = false;  ///< on tensor cores, else (3 and 5) on CUDA cores
  int blocks = 0;    ///< 16 x 16 blocks a side of its matrix (tensor cores)
  int columns = 1;   ///< columns that fill one 16-wide product: 16 / radix for 2, 4, 8, whose matrix is then
                     ///< block-diagonal: less than half the issue slots of the same digit on CUDA cores
};
OuterDigit make_outer_digit(int radix);

struct Layout {
  int order = 0;       ///< p
  std::int64_t m = 0;  ///< transform length
  int rows = 0;        ///< R, the core's first digit n_(p-1)
  int columns = 0;     ///< C, the core's second digit n_p
  std::vector<int> radices;
  int residues = 1;   ///< strategy l2: radix of the outermost digit, whose residues are computed one after another
  OuterDigit first;   ///< first digit of a residue outside the core, where there is one
  OuterDigit second;  ///< second digit outside the core, where there is one
  int slabs = 1;      ///< Q, product of the two: slabs in shared memory
  bool paired = false;
  int riders = 1;       ///< rows of the problem that ride in one transform
  double theta = 0.25;  ///< frequencies are k - theta
  int planes = 1;       ///< 16-bit planes of a real number in shared memory
  int io_size = 2;      ///< bytes of a sample in global memory
  int copy = 16;        ///< bytes of one access of a row in global memory

  int fragment_bytes = 512;  ///< a real 16 x 16 matrix
  int tile_bytes = 512;      ///< a complex 16 x 8 tile

  // Shared memory, bytes.
  int slab_bytes = 0, io_slab_bytes = 0;
  std::int64_t spectrum_row_bytes = 0;  ///< one transform's slabs (0 where p = 2)
  std::int64_t io_row_bytes = 0;        ///< one row of u and y
  std::int64_t group_bytes = 0;         ///< one row group: spectrum and `depth` slots
  std::int64_t shared_bytes = 0;        ///< block

  // Tables, byte offsets.
  std::int64_t table_residue = 0;
  std::int64_t table_first = 0, table_second = 0, table_a = 0, table_t = 0, table_t_transposed = 0;
  std::int64_t table_w_left = 0, table_w_right = 0, table_roots = 0, table_weights = 0, table_bytes = 0;
  std::int64_t first_stride = 0, second_stride = 0, a_stride = 0, t_stride = 0;  ///< from one slab's to the next

  std::int64_t spectrum_point_bytes = 4;  ///< of one complex point of the filter's spectrum in global memory
  int threads = 0;
  int width_first = 2;  ///< chunks of columns of a unit of the first digit
  int width_second = 2;
  bool resident_columns = false;  ///< W in registers
  bool resident_slabs = false;    ///< cores of 16 x 16 keep a slab's constants in registers while they use them
};

/// Expects a config whose radices check_radices() accepts.
Layout make_layout(const Problem& problem, const KernelConfig& config);

bool is_split(Engine engine);
/// True where the I/O type is what the engine multiplies, so that no conversion is needed.
bool io_is_engine_type(DataType io, Engine engine);

/// phi = kappa / (residues Q) of slab q = k1 N2 + k2 of residue j: kappa = j + residues (k1 + N1 k2) - theta.
double slab_phase(const Layout& layout, int residue, int slab);

}  // namespace fftconv::cuda
