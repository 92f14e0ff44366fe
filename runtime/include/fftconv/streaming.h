// StreamingConvolution: endless rows, convolved block by block as they come.
#pragma once

#include <memory>

#include "fftconv/plan.h"

namespace fftconv {

/// Causal convolution of B x H streams in blocks of L samples: audio in blocks of 512, or a model's prefill a chunk
/// at a time. Joined, the blocks of y are the convolution of the joined blocks of u, and the block that is pushed is
/// the block that comes out: no further latency, and every block takes the same time. The filter may be of any
/// length.
///   up to L taps   one transform there and back a block; keeps (B, H, Lk - 1) numbers of filter_type()
///   beyond         P = ceil(Lk / L) partitions of L taps (Stockham 1966; Kulp, AES 85, 1988): one transform there
///   and
///                  back a block and P products of spectra; keeps about 2 P L numbers more for each row and for each
///                  filter (where the transform has L points, else as many more as it has). CPU only.
/// All of it lies on the device. One thread at a time.
class StreamingConvolution {
 public:
  /// `block`: the problem of one block, causal and forward; its filter_len and carry are set here. `filter`:
  /// (filters, taps) of filter_type() in host memory, read before this returns. Errors: unsupported for another mode
  /// or direction, invalid_argument, and those of Context::plan() and Plan::make_spectrum().
  static Result<StreamingConvolution> make(Context& context, const Problem& block, const void* filter,
                                           std::int64_t taps, const PlanOptions& options = {});

  /// The next block: u and y, (B, H, L) on the device, with the gates and skip of the problem; spectrum, carry and
  /// history are kept here and stay null. Blocks go on one stream, or the caller makes each wait for the one before.
  Result<void> push(const ConvolutionBuffers& block, Stream stream = nullptr);

  /// The next block begins a new stream.
  void reset() { blocks_ = 0; }

  /// Of one block, with as many of the taps as it has samples at most.
  const Plan& plan() const { return plan_; }

 private:
  StreamingConvolution(Plan plan, FilterSpectrum spectrum) : plan_(std::move(plan)), spectrum_(std::move(spectrum)) {}

  Plan plan_;
  FilterSpectrum spectrum_;
  std::unique_ptr<DeviceBuffer> carry_;    ///< null where a block leaves nothing
  std::unique_ptr<DeviceBuffer> history_;  ///< null where the filter has one partition
  std::int64_t blocks_ = 0;                ///< that carry_ and history_ come from
};

}  // namespace fftconv
