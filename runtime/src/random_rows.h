// Random rows of any number from few kinds, so that fp64 knows what comes of every one.
#pragma once

#include <cstdint>
#include <vector>

#include "fftconv/device.h"
#include "row_places.h"

namespace fftconv {

/// Of which kind each row is: of its own where there are no more than `most`, else drawn at random. Not in turn, so
/// that a kernel which takes one row for another is found however far apart they are.
class RowKinds {
 public:
  RowKinds(std::int64_t rows, std::int64_t most, std::uint64_t seed);
  std::int64_t count() const { return count_; }
  std::int64_t of(std::int64_t row) const;

 private:
  std::int64_t count_;
  bool own_;
  std::uint64_t seed_;
};

/// Rows of a tensor: each is its kind's, uniform in [-scale, scale) and rounded to `type`, times 1 or -1.
class RandomRows {
 public:
  struct Options {
    double scale = 1;
    bool signs = true;  ///< false: all are 1
  };
  RandomRows(DataType type, const RowPlaces& places, const RowKinds& kinds, std::uint64_t seed, Options options);

  /// Samples of a kind, without a sign; none where the tensor has no rows.
  std::vector<double> samples(std::int64_t kind) const;
  double sign(std::int64_t row) const;
  /// Writes all elements to device memory; those between samples are finite.
  Result<void> upload(Device& device, void* destination) const;

 private:
  template <class Bits>
  void copy(std::int64_t row, std::int64_t from, std::int64_t to, Bits* target) const;

  DataType type_;
  RowPlaces places_;
  RowKinds kinds_;
  std::uint64_t seed_;
  bool signs_;
  std::vector<std::byte> bytes_;  ///< kinds, one after another
};

}  // namespace fftconv
