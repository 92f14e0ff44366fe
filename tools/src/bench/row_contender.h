// A library's FFT used for a whole problem: row by row in cache, on threads of our own.
#pragma once

#include <memory>
#include <vector>

#include "bench/aligned.h"
#include "bench/contender.h"
#include "bench/row_transform.h"
#include "bench/row_workers.h"

namespace fftconv::tools {

/// Spectra of filters are made beforehand. The rows of a channel follow one another, so that its filter stays in
/// cache. Where a row is as long as the transform, it is read and written in place of a copy.
class RowContender : public Contender {
 public:
  RowContender(const BenchData& data, int threads, std::unique_ptr<RowTransform> transform);

  std::string name() const override;
  Result<void> run() override;
  Result<std::vector<double>> result() override { return std::vector<double>(y_.begin(), y_.end()); }

 private:
  struct Memory {
    AlignedFloats real, spectrum, scratch;
  };

  std::int64_t filter_of(std::int64_t example, std::int64_t channel) const;
  void convolve(std::int64_t example, std::int64_t channel, Memory& memory);

  const BenchData& data_;
  std::unique_ptr<RowTransform> transform_;
  RowWorkers workers_;
  std::vector<Memory> memory_;  ///< of each thread
  std::int64_t stride_;         ///< floats from one filter's spectrum to the next
  AlignedFloats spectra_, y_;
};

}  // namespace fftconv::tools
