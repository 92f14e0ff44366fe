#include "cuda/cuda_timer.h"

#include <algorithm>
#include <chrono>

namespace fftconv::cuda {
namespace {

/// An idle card takes tens of milliseconds to raise its clocks.
constexpr double kWakeUpSeconds = 0.1;

}  // namespace

CudaTimer::CudaTimer(std::shared_ptr<const CudaContext> context, const Nvml* nvml, const DeviceFacts& facts)
    : context_(std::move(context)),
      nvml_(nvml),
      flush_bytes_(std::max<std::int64_t>(2 * facts.l2_bytes, 64LL << 20)) {
  if (nvml_) card_.max_clock_hz = nvml_->max_sm_clock_hz();
  if (card_.max_clock_hz == 0) card_.max_clock_hz = facts.clock_hz;
}

CudaTimer::~CudaTimer() {
  const CurrentContext current(*context_);
  const Driver& driver = context_->driver();
  if (flush_buffer_) driver.memory_free(flush_buffer_);
  if (begin_) driver.event_destroy(begin_);
  if (end_) driver.event_destroy(end_);
  if (stream_) driver.stream_destroy(stream_);
}

Result<void> CudaTimer::prepare() {
  if (ready_) return {};
  const Driver& driver = context_->driver();
  const auto check = [&](CuStatus status, const char* what) {
    return driver.check(status, ErrorCode::launch_failed, what);
  };
  if (!stream_) {
    if (auto done = check(driver.stream_create(&stream_, stream_non_blocking), "make a stream to time on"); !done)
      return done;
  }
  for (CuEvent* event : {&begin_, &end_}) {
    if (*event) continue;
    if (auto done = check(driver.event_create(event, 0), "make an event to time with"); !done) return done;
  }
  if (!flush_buffer_) {
    const auto bytes = static_cast<std::size_t>(flush_bytes_);
    if (auto done = check(driver.memory_allocate(&flush_buffer_, bytes), "allocate a buffer to flush its L2"); !done)
      return done;
  }
  if (auto done = wake_up(); !done) return done;
  ready_ = true;
  return {};
}

Result<void> CudaTimer::flush() const {
  const Driver& driver = context_->driver();
  return driver.check(driver.memory_set(flush_buffer_, 0, static_cast<std::size_t>(flush_bytes_), stream_),
                      ErrorCode::launch_failed, "flush its L2");
}

Result<void> CudaTimer::wake_up() const {
  const Driver& driver = context_->driver();
  using Clock = std::chrono::steady_clock;
  for (const auto start = Clock::now(); Clock::now() - start < std::chrono::duration<double>(kWakeUpSeconds);) {
    for (int i = 0; i < 8; ++i) {
      if (auto done = flush(); !done) return done;
    }
    if (auto done = driver.check(driver.stream_synchronize(stream_), ErrorCode::launch_failed, "wake up"); !done)
      return done;
  }
  return {};
}

void CudaTimer::look_at_card() {
  if (!nvml_) return;
  card_.clock_hz = nvml_->sm_clock_hz();
  card_.best_clock_hz = std::max(card_.best_clock_hz, card_.clock_hz);
  card_.reasons = nvml_->clock_reasons();
}

Result<Sample> CudaTimer::sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args,
                                 bool cold, const KernelArgs* warm) {
  const std::lock_guard lock(mutex_);
  const CurrentContext current(*context_);
  const Driver& driver = context_->driver();
  if (auto ready = prepare(); !ready) return ready.error();

  // Something must keep the GPU busy while the events and the launch are queued, or the time between the events
  // would hold the host's delays. Cold: the flush, longer than any queueing. Hot: the untimed launch.
  Result<void> queued;
  if (cold) {
    queued = flush();
  } else if (warm) {
    queued = kernel.launch(entry, *warm, stream_);
  }
  if (!queued) return queued.error();
  CuStatus status = driver.event_record(begin_, stream_);
  if (status == cu_success) {
    if (auto launched = kernel.launch(entry, args, stream_); !launched) return launched.error();
    status = driver.event_record(end_, stream_);
  }
  Sample sample;
  look_at_card();
  if (status == cu_success) status = driver.event_synchronize(end_);
  float milliseconds = 0;
  if (status == cu_success) status = driver.event_elapsed_ms(&milliseconds, begin_, end_);
  if (auto done = driver.check(status, ErrorCode::launch_failed, ("run " + entry.name).c_str()); !done) {
    return done.error();
  }
  sample.seconds = milliseconds * 1e-3;
  sample.clock_hz = card_.clock_hz;
  sample.throttled = is_throttled(card_);
  return sample;
}

}  // namespace fftconv::cuda
