#include "worker/compiling.h"

#include <fmt/format.h>

#include "caught.h"
#include "fftconv/plan.h"
#include "trial_status.h"
#include "worker/values.h"

namespace fftconv::worker {

Measurement charged(TrialStatus status, std::string reason) {
  Measurement measurement;
  measurement.status = status;
  measurement.reason = std::move(reason);
  return measurement;
}

Error error_of(const Failure& failure, const char* doing) {
  static constexpr ErrorCode codes[] = {ErrorCode::timeout, ErrorCode::crashed, ErrorCode::out_of_memory,
                                        ErrorCode::busy};
  return {codes[static_cast<std::size_t>(failure.kind)],
          fmt::format("The worker process {} while it was {} this.", failure.reason, doing)};
}

Error search_is_over() {
  return {ErrorCode::busy, "The search was over, its budget spent or cancelled, before this was tried."};
}

Measurement charged(const Error& error) { return charged(status_of(error.code), error.message); }

void Compiling::compile(const KernelConfig& config) {
  const std::string name = to_string(config);
  {
    const std::lock_guard lock(mutex_);
    if (done_.contains(name) || !busy_.insert(name).second) return;
  }
  Compiled made;
  const Result<void> done = caught([&]() -> Result<void> {
    made = compile_now(config);
    return {};
  });
  if (!done) made.machine = done.error();  // and whoever waits for it goes on
  {
    const std::lock_guard lock(mutex_);
    done_.insert_or_assign(name, std::make_shared<const Compiled>(std::move(made)));
    busy_.erase(name);
  }
  changed_.notify_all();
}

Result<std::shared_ptr<const Compiled>> Compiling::take(const KernelConfig& config) {
  const std::string name = to_string(config);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !busy_.contains(name); });
      if (const auto found = done_.find(name); found != done_.end()) {
        const std::shared_ptr<const Compiled> made = found->second;
        if (made->cut_off) done_.erase(found);  // the next search may have time for it
        const bool again = made->cut_off && !starter_.limit().over(SearchLimit::Stage::check);
        if (!again && made->machine) return *made->machine;
        if (!again) return made;
      }
    }
    compile(config);
  }
}

void Compiling::forget(const KernelConfig& config) {
  const std::lock_guard lock(mutex_);
  done_.erase(to_string(config));
}

Compiled Compiling::compile_now(const KernelConfig& config) {
  Compiled made;
  Result<KernelSource> source = emit(problem_, config, context_.device().facts());
  if (!source) {
    made.failure = charged(TrialStatus::illegal, source.error().message);
    return made;
  }
  made.source = std::move(*source);
  if ((made.kernel = context_.cached_kernel(made.source))) return made;
  compile_in_worker(made, false);
  // The one before may have left the compiler in a bad state: what crashes in a new process is its own fault.
  if (made.failure.status == TrialStatus::crashed) compile_in_worker(made, true);
  if (made.kernel) context_.keep_kernel(made.source, *made.kernel);
  return made;
}

void Compiling::compile_in_worker(Compiled& made, bool fresh) {
  made.failure = {};
  const auto over = [this] { return starter_.limit().over(SearchLimit::Stage::check); };
  if (over()) {
    made.cut_off = true;
    made.machine = search_is_over();
    return;
  }
  Result<std::unique_ptr<Process>> process = fresh ? starter_.fresh_compiler() : starter_.compiler();
  if (!process) {
    made.cut_off = over();
    made.machine = process.error();
    return;
  }
  Writer out;
  out.put(to_string(made.source.config)).put(made.source.digest);
  Failure failed;
  const Result<Message> answer =
      (*process)->ask({Kind::compile, out.take()}, starter_.pool().options().limits.compile_s, failed, over);
  if (!answer) {
    made.cut_off = failed.kind == Failure::Kind::cut_off;
    const Error error = error_of(failed, "compiling");
    if (of_the_machine(error.code)) made.machine = error;
    made.failure = charged(error);
    return;
  }
  Reader in(answer->payload);
  const bool well = in.flag();
  if (well) {
    CompiledKernel kernel = get_kernel(in);
    if (in.ok()) made.kernel = std::move(kernel);
  }
  if (!made.kernel) {
    const Error told = refusal_in(in);
    if (told.code == ErrorCode::crashed) {
      made.failure = charged(told);
      return;  // the process goes
    }
    if (of_the_machine(told.code)) made.machine = told;
    made.failure = charged(told);
  }
  starter_.pool().give_back(std::move(*process));
}

}  // namespace fftconv::worker
