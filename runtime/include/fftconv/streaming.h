// StreamingConvolution: endless rows, convolved block by block as they come.
#pragma once

#include <memory>

#include "fftconv/plan.h"

namespace fftconv {

/// Causal convolution of B x H streams in blocks of L samples: audio in blocks of 512, or a model's prefill a chunk
/// at a time. Joined, the blocks of y are the convolution of the joined blocks of u. Holds what the blocks so far
/// leave for later ones, (B, H, Lk - 1) in filter_type() on the device. One thread at a time.
class StreamingConvolution {
 public:
  /// `block`: the problem of one block, causal and forward, Lk at most L; `carry` is set for it. `filter`: (filters,
  /// Lk) of filter_type() in host memory, read before this returns. Errors: unsupported for a filter longer than the
  /// block, and those of Context::plan() and Plan::make_spectrum().
  static Result<StreamingConvolution> make(Context& context, const Problem& block, const void* filter,
                                           const PlanOptions& options = {});

  /// The next block: u and y, (B, H, L) on the device, with the gates and skip of the problem; spectrum and carry are
  /// kept here and stay null. Blocks go on one stream, or the caller makes each wait for the one before.
  Result<void> push(const ConvolutionBuffers& block, Stream stream = nullptr);

  /// The next block begins a new stream.
  void reset() { begun_ = false; }

  const Plan& plan() const { return plan_; }

 private:
  StreamingConvolution(Plan plan, FilterSpectrum spectrum, std::unique_ptr<DeviceBuffer> carry)
      : plan_(std::move(plan)), spectrum_(std::move(spectrum)), carry_(std::move(carry)) {}

  Plan plan_;
  FilterSpectrum spectrum_;
  std::unique_ptr<DeviceBuffer> carry_;
  bool begun_ = false;  ///< else carry_ holds nothing yet
};

}  // namespace fftconv
