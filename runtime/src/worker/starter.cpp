#include "worker/starter.h"

#include <fmt/format.h>

#include "fftconv/plan.h"
#include "worker/compiling.h"
#include "worker/values.h"

namespace fftconv::worker {
namespace {

constexpr int kMostStarts = 3;  // of processes that fail to begin, one after another

Message begin_request(Context& context, const Problem& problem, const MeasurePolicy& policy, bool runs) {
  Writer out;
  const DeviceFacts& device = context.device().identity();
  out.put(device.kind).put(context.device().ordinal()).put(to_string(problem));
  put(out, policy);
  const int threads = device.kind == DeviceKind::cpu ? device.sm_count : 0;
  return {Kind::begin, out.put(generator_digest()).put(runs).put(threads).take()};
}

}  // namespace

Starter::Starter(std::shared_ptr<WorkerPool> pool, Context& context, const Problem& problem,
                 const MeasurePolicy& policy)
    : pool_(std::move(pool)),
      to_compile_(begin_request(context, problem, policy, false)),
      to_run_(begin_request(context, problem, policy, true)) {}

Result<std::unique_ptr<Process>> Starter::compiler() { return begin(false, to_compile_, SearchLimit::Stage::check); }

Result<std::unique_ptr<Process>> Starter::fresh_compiler() {
  return begin(true, to_compile_, SearchLimit::Stage::check);
}

Result<std::unique_ptr<Process>> Starter::runner(SearchLimit::Stage stage) { return begin(true, to_run_, stage); }

// For all candidates, so none of the errors that one may meet alone, as a lack of room.
Error Starter::give_up(Error error) {
  if (error.code != ErrorCode::device_missing && error.code != ErrorCode::busy) error.code = ErrorCode::io;
  const std::lock_guard lock(mutex_);
  if (!broken_) broken_ = std::move(error);
  return *broken_;
}

Result<std::unique_ptr<Process>> Starter::begin(bool fresh, const Message& request, SearchLimit::Stage stage) {
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return *broken_;
  }
  Error last;
  for (int attempt = 0; attempt < kMostStarts; ++attempt) {
    Result<std::unique_ptr<Process>> process = fresh ? pool_->start() : pool_->take();
    if (!process) return give_up(process.error());
    Failure failure;
    const Result<Message> answer = (*process)->ask(request, pool_->options().limits.run_s, failure,
                                                   [this, stage] { return limit_.over(stage); });
    if (!answer && failure.kind == Failure::Kind::cut_off) return error_of(failure, "opening the device for");
    if (!answer) {
      last = {ErrorCode::io, fmt::format("The worker process {} before it was asked for anything: is {} the program "
                                         "fftconv-worker?",
                                         failure.reason, pool_->options().program.string())};
      continue;
    }
    Reader in(answer->payload);
    if (in.flag() && in.ok()) return process;
    return give_up(refusal_in(in));  // the device is not there for it: another process will not find it either
  }
  return give_up(last);
}

}  // namespace fftconv::worker
