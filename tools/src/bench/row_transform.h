// What a peer on the CPU is: a real FFT of some library, used on one row at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fftconv/problem.h"
#include "fftconv/result.h"

namespace fftconv::tools {

/// A real transform of points() points and back. All calls after its making may come from several threads at once,
/// each with memory of its own; every pointer is at a multiple of 64 bytes.
class RowTransform {
 public:
  explicit RowTransform(std::int64_t points) : points_(points) {}
  virtual ~RowTransform() = default;
  RowTransform(const RowTransform&) = delete;
  RowTransform& operator=(const RowTransform&) = delete;

  /// Library, version and how it was set up, for people.
  virtual std::string name() const = 0;
  std::int64_t points() const { return points_; }
  /// Floats of a spectrum: points / 2 + 1 complex numbers where the library does not say otherwise.
  virtual std::int64_t spectrum_floats() const { return points_ / 2 * 2 + 2; }
  virtual std::int64_t scratch_floats() const { return 0; }

  /// `x` of points() floats stays as it is.
  virtual void forward(const float* x, float* spectrum, float* scratch) const = 0;
  /// spectrum *= filter, in the library's own order. The filter carries the factor 1 / points().
  virtual void multiply(float* spectrum, const float* filter) const;
  /// Not normalised; `spectrum` may be lost.
  virtual void inverse(float* spectrum, float* y, float* scratch) const = 0;

 private:
  std::int64_t points_;
};

/// a[i] *= b[i] for `count` complex numbers, interleaved, with the widest vectors of this processor.
void multiply_complex(float* a, const float* b, std::int64_t count);

using MadeTransform = Result<std::unique_ptr<RowTransform>>;

enum class FftwEffort { measure, patient };
struct FftwOptions {
  double limit_s = 300;  ///< for planning with patience; then a plan is what FFTW has by then
  std::string wisdom;    ///< file that patient plans are read from and written to; empty: none
};

// Each opens `library` and makes a transform for the problem. Errors: dependency_missing where the library lacks
// something, unsupported where it has no transform of the size that the problem needs.

/// FFTW 3, single precision, real to complex at padded_length(). A patient plan is held against one that was
/// measured: where patience fell back to a slower one, the measured plan is used, and the name says so.
MadeTransform make_fftw(const Problem& problem, const std::string& library, FftwEffort effort,
                        const FftwOptions& options);
/// PFFFT in its internal order, without the two passes that would sort the spectrum.
MadeTransform make_pffft(const Problem& problem, const std::string& library);
/// KFR through its C interface.
MadeTransform make_kfr(const Problem& problem, const std::string& library);
/// MKL through DFTI, one thread a row, told that the processor is one whose vectors it may use.
MadeTransform make_mkl(const Problem& problem, const std::string& library);

}  // namespace fftconv::tools
