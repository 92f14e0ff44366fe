#include "fftconv/async_plan.h"

#include <algorithm>
#include <chrono>

#include "async_state.h"
#include "plan_state.h"

namespace fftconv {
namespace {

// Of a plan, from taps in host memory.
Result<FilterSpectrum> spectrum_of(Device& device, const Plan& plan, const void* taps, Stream stream) {
  const std::size_t bytes = filter_bytes(plan.problem());
  auto filter = device.allocate(bytes);
  if (!filter) return filter.error();
  if (auto copied = device.upload((*filter)->data(), taps, bytes); !copied) return copied.error();
  return plan.make_spectrum((*filter)->data(), stream);
}

Error while_captured() {
  return {ErrorCode::busy,
          "The stream is being captured, and setting a filter needs memory: set it before the capture "
          "begins."};
}

}  // namespace

const char* to_string(AsyncProgress progress) {
  switch (progress) {
    case AsyncProgress::working:
      return "working";
    case AsyncProgress::settled:
      return "settled";
    case AsyncProgress::failed:
      return "failed";
    case AsyncProgress::cancelled:
      return "cancelled";
  }
  return "unknown";
}

AsyncPlan::State::State(std::shared_ptr<Device> of, const Plan& first, AsyncProgress at)
    : device(std::move(of)),
      problem(first.problem()),
      now(std::make_shared<const Version>(Version{first, std::nullopt})),
      progress(at) {}

void AsyncPlan::State::finish(AsyncProgress how, std::optional<Error> why) {
  {
    const std::lock_guard lock(mutex);
    if (progress != AsyncProgress::working) return;
    progress = how;
    error = std::move(why);
  }
  changed.notify_all();
}

void AsyncPlan::State::improve(const Plan& better) {
  const std::lock_guard lock(filter_mutex);
  const std::shared_ptr<const Version> before = now.load();
  Version next{better, std::nullopt};
  if (!taps.empty()) {
    // Plans of one kernel share a spectrum.
    if (better.state().kernel == before->plan.state().kernel) {
      next.spectrum = before->spectrum;
    } else {
      auto made = spectrum_of(*device, better, taps.data(), nullptr);
      if (!made) return finish(AsyncProgress::failed, made.error());
      next.spectrum = *made;
    }
  }
  retired = now.exchange(std::make_shared<const Version>(std::move(next)));
  taps = {};
  finish(AsyncProgress::settled);
}

Plan AsyncPlan::current() const { return state_->now.load()->plan; }
const Problem& AsyncPlan::problem() const { return state_->problem; }

AsyncProgress AsyncPlan::progress() const {
  const std::lock_guard lock(state_->mutex);
  return state_->progress;
}

std::optional<Error> AsyncPlan::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

AsyncProgress AsyncPlan::wait(double seconds) const {
  // Neither infinity nor 1e300 s fits into the clock's nanoseconds; thirty years do.
  const double bounded = seconds > 0 ? std::min(seconds, 1e9) : 0;
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, std::chrono::duration<double>(bounded),
                           [this] { return state_->progress != AsyncProgress::working; });
  return state_->progress;
}

void AsyncPlan::cancel() { state_->cancelled = true; }

Result<void> AsyncPlan::set_filter(const void* filter, Stream stream) {
  if (!filter) return invalid("filter is null: give the device address of its taps.");
  if (state_->device->is_capturing(stream)) return while_captured();
  const std::lock_guard lock(state_->filter_mutex);
  const Plan plan = state_->now.load()->plan;
  auto spectrum = plan.make_spectrum(filter, stream);  // waits for the stream, so that the taps are there to be read
  if (!spectrum) return spectrum.error();
  std::vector<std::byte> taps;
  if (progress() == AsyncProgress::working) {
    taps.resize(filter_bytes(plan.problem()));
    auto copied = state_->device->download(taps.data(), filter, taps.size());
    if (!copied) return copied;
  }
  state_->taps = std::move(taps);
  state_->replaced = state_->now.exchange(std::make_shared<const State::Version>(State::Version{plan, *spectrum}));
  return {};
}

Result<void> AsyncPlan::set_filter_from_host(const void* taps, Stream stream) {
  if (!taps) return invalid("taps is null: give the address of the filter.");
  if (state_->device->is_capturing(stream)) return while_captured();
  const std::size_t bytes = filter_bytes(problem());
  auto filter = state_->device->allocate(bytes);
  if (!filter) return filter.error();
  if (auto copied = state_->device->upload((*filter)->data(), taps, bytes); !copied) return copied;
  return set_filter((*filter)->data(), stream);
}

Result<void> AsyncPlan::execute(const ConvolutionBuffers& buffers, Stream stream) const {
  if (buffers.spectrum) {
    return invalid("spectrum is given, but this plan keeps its own: leave it null and call set_filter().");
  }
  const std::shared_ptr<const State::Version> version = state_->now.load();
  if (!reads_filter(state_->problem)) return version->plan.execute(buffers, stream);
  if (!version->spectrum) return invalid("The plan has no filter yet: call set_filter() first.");
  ConvolutionBuffers complete = buffers;
  complete.spectrum = &*version->spectrum;
  return version->plan.execute(complete, stream);
}

}  // namespace fftconv
