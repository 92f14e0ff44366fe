// The tuner's side: a Runner whose candidates live in another process.
#include <fmt/format.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "fftconv/plan.h"
#include "fftconv/worker.h"
#include "worker/pool.h"
#include "worker/values.h"

namespace fftconv {
namespace {

using namespace worker;

constexpr int kMostStarts = 3;     // of a process that fails to begin, one after another
constexpr int kMostSuspicion = 2;  // times that others fail after a candidate, and not without it

Measurement charged(TrialStatus status, std::string reason) {
  Measurement measurement;
  measurement.status = status;
  measurement.reason = std::move(reason);
  return measurement;
}

Measurement charged(const Failure& failure, const char* doing) {
  const bool hung = failure.kind == Failure::Kind::timed_out;
  return charged(hung ? TrialStatus::timed_out : TrialStatus::crashed,
                 fmt::format("The worker process {} while it was {} this.", failure.reason, doing));
}

/// A failure that another candidate may have caused: what it left behind in the process.
bool may_be_anothers(TrialStatus status) {
  return status == TrialStatus::crashed || status == TrialStatus::launch_failed ||
         status == TrialStatus::wrong_result;
}

class WorkerRunner : public Runner {
 public:
  WorkerRunner(std::shared_ptr<WorkerPool> pool, Context& context, const Problem& problem,
               const MeasurePolicy& policy)
      : pool_(std::move(pool)), context_(context), problem_(problem), policy_(policy) {}
  ~WorkerRunner() override { pool_->give_back(std::move(runner_)); }

  void compile(const KernelConfig& config) override {
    const std::string name = to_string(config);
    {
      const std::lock_guard lock(mutex_);
      if (compiled_.contains(name) || !compiling_.insert(name).second) return;
    }
    Compiled made = compile_now(config);
    {
      const std::lock_guard lock(mutex_);
      compiled_.insert_or_assign(name, std::make_shared<const Compiled>(std::move(made)));
      compiling_.erase(name);
    }
    changed_.notify_all();
  }

  Measurement prepare(const KernelConfig& config) override {
    const std::shared_ptr<const Compiled> compiled = take_compiled(config);
    if (!compiled->kernel) return compiled->failure;
    Measurement measurement = prepare_in_worker(config, *compiled);
    if (may_be_anothers(measurement.status) && served_ > 0) {
      const std::string suspect = last_;
      discard();
      const Measurement alone = prepare_in_worker(config, *compiled);
      if (alone.status == TrialStatus::measured) suspicion(suspect, to_string(config));
      measurement = alone;
    }
    measurement.registers = compiled->kernel->registers;
    measurement.spill_bytes = compiled->kernel->spill_bytes;
    measurement.compile_s = compiled->kernel->compile_s;
    if (measurement.status == TrialStatus::launch_failed) discard();  // its context may be broken
    if (measurement.status == TrialStatus::measured) wanted_.insert(to_string(config));
    return measurement;
  }

  Result<Sample> sample(const KernelConfig& config) override {
    const std::string name = to_string(config);
    if (const auto found = charges_.find(name); found != charges_.end()) return found->second;
    if (!wanted_.contains(name)) return invalid("The candidate was not prepared: call prepare() first.");
    const bool fresh = served_ == 0;
    Result<Sample> sample = sample_in_worker(config);
    const bool in_question = !sample && sample.error().code != ErrorCode::timeout && !fresh;
    if (in_question) {
      const std::string suspect = last_;
      discard();
      Result<Sample> alone = sample_in_worker(config);
      if (alone) suspicion(suspect, name);
      sample = std::move(alone);
    }
    if (!sample) {
      discard();
      wanted_.erase(name);
      charges_.emplace(name, sample.error());
    }
    return sample;
  }

  void release(const KernelConfig& config) override {
    const std::string name = to_string(config);
    wanted_.erase(name);
    charges_.erase(name);
    if (loaded_.erase(name) > 0 && runner_) {
      Writer out;
      runner_->tell({Kind::release, out.put(name).take()});
    }
    const std::lock_guard lock(mutex_);
    compiled_.erase(name);
  }

 private:
  struct Compiled {
    KernelSource source;
    std::optional<CompiledKernel> kernel;
    Measurement failure;  ///< where there is no kernel
  };

  // --- compiling, on any thread

  Compiled compile_now(const KernelConfig& config) {
    Compiled made;
    Result<KernelSource> source = emit(problem_, config, context_.device().facts());
    if (!source) {
      made.failure = charged(TrialStatus::illegal, source.error().message);
      return made;
    }
    made.source = std::move(*source);
    if ((made.kernel = context_.cached_kernel(made.source))) return made;
    Result<std::unique_ptr<Process>> process = begun();
    if (!process) {
      made.failure = charged(TrialStatus::compile_failed, process.error().message);
      return made;
    }
    Writer out;
    out.put(to_string(config)).put(made.source.digest);
    Failure failure;
    const Result<Message> answer =
        (*process)->ask({Kind::compile, out.take()}, pool_->options().limits.compile_s, failure);
    if (!answer) {
      made.failure = charged(failure, "compiling");
      return made;
    }
    pool_->give_back(std::move(*process));
    Reader in(answer->payload);
    if (in.get<bool>()) {
      CompiledKernel kernel = get_kernel(in);
      if (in.ok()) {
        context_.keep_kernel(made.source, kernel);
        made.kernel = std::move(kernel);
      } else {
        made.failure = charged(TrialStatus::crashed, "The worker process sent a binary that cannot be read.");
      }
    } else {
      made.failure = charged(TrialStatus::compile_failed, get_error(in).message);
    }
    return made;
  }

  std::shared_ptr<const Compiled> take_compiled(const KernelConfig& config) {
    const std::string name = to_string(config);
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !compiling_.contains(name); });
        if (const auto found = compiled_.find(name); found != compiled_.end()) return found->second;
      }
      compile(config);
    }
  }

  // --- processes

  /// A process that knows the problem.
  Result<std::unique_ptr<Process>> begun() {
    Writer out;
    out.put(context_.device().facts().kind).put(context_.device().ordinal()).put(to_string(problem_));
    put(out, policy_);
    const Message request{Kind::begin, out.take()};
    Error last{ErrorCode::io, "No worker process starts."};
    for (int attempt = 0; attempt < kMostStarts; ++attempt) {
      Result<std::unique_ptr<Process>> process = pool_->take();
      if (!process) return process;
      Failure failure;
      const Result<Message> answer = (*process)->ask(request, pool_->options().limits.run_s, failure);
      if (!answer) {
        last = {ErrorCode::io,
                fmt::format("The worker process {} before it was asked for anything.", failure.reason)};
        continue;
      }
      Reader in(answer->payload);
      if (in.get<bool>()) return process;
      return get_error(in);  // the device is not there for it: another process will not find it either
    }
    return last;
  }

  Result<void> ensure_runner() {
    if (runner_ && !runner_->dead()) return {};
    discard();
    Result<std::unique_ptr<Process>> process = begun();
    if (!process) return process.error();
    runner_ = std::move(*process);
    return {};
  }

  void discard() {
    runner_.reset();
    loaded_.clear();
    served_ = 0;
    last_.clear();
  }

  // --- running, on the search's thread

  Measurement prepare_in_worker(const KernelConfig& config, const Compiled& compiled) {
    if (Result<void> there = ensure_runner(); !there) return charged(TrialStatus::crashed, there.error().message);
    Writer out;
    out.put(to_string(config)).put(compiled.source.digest);
    put(out, *compiled.kernel);
    Failure failure;
    const Result<Message> answer = runner_->ask({Kind::prepare, out.take()}, pool_->options().limits.run_s, failure);
    if (!answer) return charged(failure, "checking");
    ++served_;
    last_ = to_string(config);
    Reader in(answer->payload);
    if (!in.get<bool>()) return charged(TrialStatus::launch_failed, get_error(in).message);
    Measurement measurement = get_measurement(in);
    if (!in.ok()) return charged(TrialStatus::crashed, "The worker process sent a measurement that cannot be read.");
    if (measurement.status == TrialStatus::measured) loaded_.insert(to_string(config));
    return measurement;
  }

  Result<Sample> sample_in_worker(const KernelConfig& config) {
    const std::string name = to_string(config);
    if (!runner_ || runner_->dead() || !loaded_.contains(name)) {
      const Measurement again = prepare_in_worker(config, *take_compiled(config));
      if (again.status == TrialStatus::timed_out) return Error{ErrorCode::timeout, again.reason};
      if (again.status == TrialStatus::crashed) return Error{ErrorCode::crashed, again.reason};
      if (again.status != TrialStatus::measured) return Error{ErrorCode::launch_failed, again.reason};
    }
    Writer out;
    Failure failure;
    const Result<Message> answer =
        runner_->ask({Kind::sample, out.put(name).take()}, pool_->options().limits.run_s, failure);
    if (!answer) {
      const Measurement charge = charged(failure, "timing");
      const bool hung = charge.status == TrialStatus::timed_out;
      return Error{hung ? ErrorCode::timeout : ErrorCode::crashed, charge.reason};
    }
    ++served_;
    last_ = name;
    Reader in(answer->payload);
    if (!in.get<bool>()) return get_error(in);
    Sample sample;
    sample.seconds = in.get<double>();
    sample.clock_hz = in.get<double>();
    sample.throttled = in.get<bool>();
    if (!in.ok()) return Error{ErrorCode::crashed, "The worker process sent a sample that cannot be read."};
    return sample;
  }

  // What failed after `suspect` did not fail alone.
  void suspicion(const std::string& suspect, const std::string& victim) {
    if (suspect.empty() || suspect == victim) return;
    if (++suspicions_[suspect] < kMostSuspicion) return;
    charges_.insert_or_assign(
        suspect, Error{ErrorCode::crashed,
                       fmt::format("{} candidates that ran after it in the same process failed, and not without it.",
                                   kMostSuspicion)});
  }

  std::shared_ptr<WorkerPool> pool_;
  Context& context_;
  Problem problem_;
  MeasurePolicy policy_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> compiling_;
  std::map<std::string, std::shared_ptr<const Compiled>> compiled_;  ///< by config

  std::unique_ptr<Process> runner_;
  int served_ = 0;                        ///< candidates' requests that runner_ has answered
  std::string last_;                      ///< whose the last of them was
  std::set<std::string> wanted_;          ///< prepared and not released
  std::set<std::string> loaded_;          ///< of these, in runner_ as it is now
  std::map<std::string, Error> charges_;  ///< why a candidate is sampled no more
  std::map<std::string, int> suspicions_;
};

}  // namespace

Result<std::unique_ptr<Runner>> make_worker_runner(const std::shared_ptr<WorkerPool>& pool, Context& context,
                                                   const Problem& problem, const MeasurePolicy& policy) {
  if (context.device().facts().kind == DeviceKind::sim) {
    return unsupported("The simulated device has no time to measure: use the cuda or the cpu device.");
  }
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  return std::unique_ptr<Runner>(std::make_unique<WorkerRunner>(pool, context, problem, policy));
}

}  // namespace fftconv
