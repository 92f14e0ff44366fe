// The random inputs of one problem, and what should come of them in fp64.
#pragma once

#include <cstdint>
#include <vector>

#include "random_rows.h"

namespace fftconv {

/// Few kinds of rows and of filters where there are many rows: then the convolution of each kind by each filter is
/// known in fp64 at a bounded cost, and with it every row.
class TestInputs {
 public:
  TestInputs(const Problem& problem, std::uint64_t seed);

  /// Computes what expected_output() and expected_carry() tell: 2^18 samples of fp64 convolutions, or four rows.
  void compute_reference();
  /// Samples first … last - 1 of a row of output_places().
  void expected_output(std::int64_t row, std::int64_t first, std::int64_t last, double* values) const;
  /// Of what row b * channels + h leaves for the next block.
  void expected_carry(std::int64_t row, std::int64_t first, std::int64_t last, double* values) const;

 private:
  struct Product {
    std::vector<double> row, carry;
  };
  struct Share {
    std::size_t kind = 0;
    double rows = 0;
  };

  std::int64_t filter_of(std::int64_t row) const;
  std::size_t product_of(std::int64_t row) const;
  void convolve_kinds();
  void correlate_kinds();

  Problem problem_;
  bool own_rows_;  ///< every row is of a kind of its own
  RowKinds row_kinds_, filter_kinds_;

 public:
  const RandomRows u, taps, pregate, postgate, dy, carry, skip;  ///< those that the problem lacks have no rows

 private:
  std::vector<Product> products_;           ///< of a kind of row and a kind of filter, without signs, carry and skip
  std::vector<std::vector<double>> added_;  ///< what a kind's carry adds to y
  std::vector<std::vector<double>> u_kinds_;  ///< with a skip
  std::vector<double> skips_;                 ///< of the channels
  std::vector<std::vector<Share>> shares_;    ///< of each filter: how many rows of which kinds its gradient sums up
};

}  // namespace fftconv
