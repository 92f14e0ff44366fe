#include "fftconv/streaming.h"

#include <fmt/format.h>

#include "rows.h"

namespace fftconv {

Result<StreamingConvolution> StreamingConvolution::make(Context& context, const Problem& block, const void* filter,
                                                        const PlanOptions& options) {
  if (!filter) return invalid("filter is null: give the host address of its taps.");
  if (block.mode == Mode::causal && block.filter_len > block.seqlen) {
    return unsupported(
        fmt::format("A filter of {} taps is longer than a block of {} samples, and only one block's tail is carried: "
                    "push blocks of at least as many samples.",
                    block.filter_len, block.seqlen));
  }
  Problem problem = block;
  problem.carry = true;
  Result<Plan> plan = context.plan(problem, options);
  if (!plan) return plan.error();
  Device& device = context.device();
  const std::size_t taps = filter_bytes(problem);
  auto copy = device.allocate(taps);
  if (!copy) return copy.error();
  if (auto copied = device.upload((*copy)->data(), filter, taps); !copied) return copied.error();
  Result<FilterSpectrum> spectrum = plan->make_spectrum((*copy)->data(), options.stream);
  if (!spectrum) return spectrum.error();
  auto carry = device.allocate(carry_bytes(problem));
  if (!carry) return carry.error();
  return StreamingConvolution(std::move(plan).value(), std::move(spectrum).value(), std::move(carry).value());
}

Result<void> StreamingConvolution::push(const ConvolutionBuffers& block, Stream stream) {
  if (block.spectrum || block.carry_in || block.carry_out) {
    return invalid("spectrum and carry are kept by the stream: leave them null.");
  }
  ConvolutionBuffers complete = block;
  complete.spectrum = &spectrum_;
  complete.carry_in = begun_ ? carry_->data() : nullptr;
  complete.carry_out = carry_->data();
  Result<void> launched = plan_.execute(complete, stream);
  if (launched) begun_ = true;
  return launched;
}

}  // namespace fftconv
