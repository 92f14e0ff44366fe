#include "fftconv/streaming.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "fftconv/search_space.h"
#include "rows.h"

namespace fftconv {
namespace {

constexpr std::int64_t kMostTaps = std::int64_t{1} << 40;  ///< of all filters: byte offsets stay far inside 64 bits

Result<void> check_stream(const Problem& block, const void* filter, std::int64_t taps) {
  if (!filter) return invalid("filter is null: give the host address of its taps.");
  if (block.mode != Mode::causal || block.direction != Direction::forward) {
    return unsupported(
        fmt::format("Streams are causal and forward, not {} and {}: other modes need samples that are still to come.",
                    to_string(block.mode), to_string(block.direction)));
  }
  if (taps < 1 || taps > kMostTaps / std::max<std::int64_t>(1, filter_count(block))) {
    return invalid(fmt::format("A filter of {} taps is out of range: give 1 to {} taps of all {} filters together.",
                               taps, kMostTaps, filter_count(block)));
  }
  return {};
}

/// The kernel that a block of the first partition would have, for all partitions. A block of one sample may be
/// fastest as a direct sum, which has no spectra.
Result<Plan> plan_blocks(Context& context, const Problem& first, std::int64_t partitions,
                         const PlanOptions& options) {
  Result<Plan> plan = context.plan(first, options);
  if (!plan || partitions == 1) return plan;
  if (plan->config().strategy == Strategy::fused) {
    return context.plan_partitioned(first, plan->config(), partitions);
  }
  const Result<KernelConfig> config = default_config(first, context.device().identity());
  if (!config) return config.error();
  return context.plan_partitioned(first, *config, partitions);
}

/// The taps on the device, each filter filled up with zeros to `length`.
Result<std::unique_ptr<DeviceBuffer>> upload_taps(Device& device, const Problem& problem, const void* filter,
                                                  std::int64_t taps, std::int64_t length) {
  const std::size_t width = size_of(filter_type(problem));
  const std::size_t given = static_cast<std::size_t>(taps) * width, whole = static_cast<std::size_t>(length) * width;
  const std::vector<std::byte> zeros(whole - given);
  const std::int64_t filters = filter_count(problem);
  auto memory = device.allocate(static_cast<std::size_t>(filters) * whole);
  if (!memory) return memory;
  for (std::int64_t f = 0; f < filters; ++f) {
    std::byte* const to = static_cast<std::byte*>((*memory)->data()) + static_cast<std::size_t>(f) * whole;
    const std::byte* const from = static_cast<const std::byte*>(filter) + static_cast<std::size_t>(f) * given;
    if (auto copied = device.upload(to, from, given); !copied) return copied.error();
    if (zeros.empty()) continue;
    if (auto cleared = device.upload(to + given, zeros.data(), zeros.size()); !cleared) return cleared.error();
  }
  return memory;
}

}  // namespace

Result<StreamingConvolution> StreamingConvolution::make(Context& context, const Problem& block, const void* filter,
                                                        std::int64_t taps, const PlanOptions& options) {
  Problem first = block;
  first.filter_len = std::min(taps, block.seqlen);
  first.carry = first.filter_len > 1;
  if (Result<void> valid = check_stream(block, filter, taps); !valid) return valid.error();
  if (Result<void> valid = validate(first); !valid) return valid.error();
  const std::int64_t partitions = (taps + block.seqlen - 1) / block.seqlen;
  Result<Plan> plan = plan_blocks(context, first, partitions, options);
  if (!plan) return plan.error();

  Device& device = context.device();
  auto copy = upload_taps(device, first, filter, taps, partitions == 1 ? taps : partitions * block.seqlen);
  if (!copy) return copy.error();
  Result<FilterSpectrum> spectrum = plan->make_spectrum((*copy)->data(), options.stream);
  if (!spectrum) return spectrum.error();
  StreamingConvolution stream(std::move(plan).value(), std::move(spectrum).value());
  for (const auto& [bytes, memory] :
       {std::pair{carry_bytes(first), &stream.carry_},
        std::pair{static_cast<std::size_t>(stream.plan_.source().history_bytes), &stream.history_}}) {
    if (bytes == 0) continue;
    auto allocated = device.allocate(bytes);
    if (!allocated) return allocated.error();
    *memory = std::move(allocated).value();
  }
  return stream;
}

Result<void> StreamingConvolution::push(const ConvolutionBuffers& block, Stream stream) {
  if (block.spectrum || block.carry_in || block.carry_out || block.history || block.blocks != 0) {
    return invalid("spectrum, carry and history are kept by the stream: leave them null.");
  }
  ConvolutionBuffers complete = block;
  complete.spectrum = &spectrum_;
  complete.carry_out = carry_ ? carry_->data() : nullptr;
  complete.carry_in = blocks_ > 0 ? complete.carry_out : nullptr;
  complete.history = history_ ? history_->data() : nullptr;
  complete.blocks = history_ ? blocks_ : 0;
  Result<void> launched = plan_.execute(complete, stream);
  if (launched) ++blocks_;
  return launched;
}

}  // namespace fftconv
