// Rows of a problem in host memory: where their samples lie, and their values in fp64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fftconv/kernel_source.h"
#include "fftconv/problem.h"

namespace fftconv {

/// Elements from the first sample of a tensor to one past its last.
std::int64_t extent(const Problem& problem);
/// The same in bytes of the I/O type.
std::size_t io_bytes(const Problem& problem);

double load_element(DataType type, const void* base, std::int64_t index);
void store_element(DataType type, void* base, std::int64_t index, double value);

/// Whether `count` elements from `base` on are neither infinite nor NaN. Outputs are gigabytes: no conversion, and
/// nothing that keeps the loop from being vectorised.
bool all_finite(DataType type, const void* base, std::int64_t count);

/// The seqlen samples of row (b, h) of a tensor of the problem's I/O type.
std::vector<double> load_row(const Problem& problem, const void* base, std::int64_t b, std::int64_t h);
void store_row(const Problem& problem, void* base, std::int64_t b, std::int64_t h, const std::vector<double>& row);

/// Which filter row (b, h) uses.
std::int64_t filter_index(const Problem& problem, std::int64_t b, std::int64_t h);

/// What one row of y depends on, in fp64. Gates that the problem lacks are empty.
struct RowInputs {
  std::vector<double> u;
  std::vector<double> taps;  ///< empty where the filter's gradient is computed
  std::vector<double> dy;    ///< else empty
  std::vector<double> pregate;
  std::vector<double> postgate;
  double skip = 0;
  std::vector<double> carry;  ///< carry_in of the row; empty where the problem has none
};

/// Row (b, h) of tensors at host addresses; `args.filter` holds the taps.
RowInputs load_inputs(const Problem& problem, const KernelArgs& args, std::int64_t b, std::int64_t h);

/// What a row of y should be, in fp64: v * conv(u * w, k) + D u. For backward_filter: the row's share of dk, the
/// correlation of v * dy with u * w.
std::vector<double> expected_row(const Problem& problem, const RowInputs& inputs);

/// What a row should leave for the next block, in fp64: carry_len() values.
std::vector<double> expected_carry(const Problem& problem, const RowInputs& inputs);

/// A row of u and y.
struct RowId {
  std::int64_t b = 0, h = 0;
};
/// The rows whose shares add up to the gradient of filter `filter`.
std::vector<RowId> rows_of_filter(const Problem& problem, std::int64_t filter);

/// Bytes of carry_in and of carry_out, in filter_type().
std::size_t carry_bytes(const Problem& problem);

/// What a convolution writes: y, like u, or the filters' gradients in filter_type().
struct OutputRows {
  DataType type = DataType::f32;
  std::int64_t elements = 0;  ///< from the first to one past the last
  std::int64_t rows = 0;
  std::int64_t length = 0;  ///< of a row
  std::int64_t step = 1;    ///< elements from one of a row to the next
};
OutputRows output_rows(const Problem& problem);

}  // namespace fftconv
