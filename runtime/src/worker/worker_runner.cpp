// The tuner's side: a Runner whose candidates live in other processes, and whose fault it is when one fails.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "fftconv/plan.h"
#include "fftconv/worker.h"
#include "trial_status.h"
#include "worker/compiling.h"
#include "worker/room.h"
#include "worker/starter.h"

namespace fftconv {
namespace {

using namespace worker;

/// The candidate's error in a measurement, or in a Result what is the machine's.
Result<Measurement> told(const Error& error) {
  if (of_the_machine(error.code)) return error;
  return charged(error);
}

class WorkerRunner : public Runner {
 public:
  WorkerRunner(std::shared_ptr<WorkerPool> pool, Context& context, const Problem& problem,
               const MeasurePolicy& policy)
      : starter_(std::move(pool), context, problem, policy),
        compiling_(starter_, context, problem),
        company_(starter_, compiling_) {}

  /// So that a worker which cannot be had is known before any candidate is tried.
  Result<void> start() { return company_.open(); }

  void until(const Clock& clock, double deadline, const std::function<bool()>& cancelled) override {
    starter_.limit().set(clock, deadline, cancelled);
  }

  void compile(const KernelConfig& config) override { compiling_.compile(config); }

  Result<Measurement> prepare(const KernelConfig& config) override {
    const std::string name = to_string(config);
    const Result<std::shared_ptr<const Compiled>> compiled = compiling_.take(config);
    if (!compiled) return compiled.error();
    if (!(*compiled)->kernel) return (*compiled)->failure;
    Result<Measurement> measurement = prepare_somewhere(config);
    if (!measurement) return measurement;
    measurement->registers = (*compiled)->kernel->registers;
    measurement->spill_bytes = (*compiled)->kernel->spill_bytes;
    measurement->compile_s = (*compiled)->kernel->compile_s;
    if (measurement->status == TrialStatus::measured) wanted_.insert_or_assign(name, config);
    return measurement;
  }

  Result<Sample> sample(const KernelConfig& config) override {
    const std::string name = to_string(config);
    if (!wanted_.contains(name)) return invalid("The candidate was not prepared: call prepare() first.");
    if (const auto charge = charges_.find(name); charge != charges_.end()) return charge->second;
    Room& room = room_of(name);
    Result<Sample> sample = room.sample(config);
    if (sample || of_the_machine(sample.error().code)) return sample;
    if (!room.before(config)) return charge(config, room, sample.error());
    const Result<Measurement> alone = try_alone(config, room, sample.error());
    if (!alone) return alone.error();
    if (alone->status != TrialStatus::measured) return error_of(*alone);
    sample = room_of(name).sample(config);
    if (!sample && !of_the_machine(sample.error().code)) return charge(config, room_of(name), sample.error());
    return sample;
  }

  void release(const KernelConfig& config) override {
    const std::string name = to_string(config);
    wanted_.erase(name);
    compiling_.forget(config);
    room_of(name).release(config);
    if (const auto own = own_.find(name); own != own_.end()) own->second.close();
    // What candidates leave behind reaches those of their own heat at most.
    if (wanted_.empty()) company_.close();
  }

 private:
  Room& room_of(const std::string& name) {
    const auto own = own_.find(name);
    return own == own_.end() ? company_ : own->second;
  }

  Result<Measurement> prepare_somewhere(const KernelConfig& config) {
    const std::string name = to_string(config);
    if (const auto before = charges_.find(name); before != charges_.end()) return charged(before->second);
    Room& room = room_of(name);
    Result<Measurement> measurement = room.prepare(config);
    if (!measurement || measurement->status == TrialStatus::measured) return measurement;
    if (room.before(config)) return try_alone(config, room, error_of(*measurement));
    room.close();  // whatever it did, nobody is to come after it
    return measurement;
  }

  Error charge(const KernelConfig& config, Room& room, const Error& error) {
    room.close();
    return charges_.insert_or_assign(to_string(config), error).first->second;
  }

  /// For one that failed in the company of others: tries it as often as there in a process of its own, where it stays
  /// if it does not fail. Errors: the machine's.
  Result<Measurement> try_alone(const KernelConfig& config, Room& company, const Error& failed) {
    const std::string name = to_string(config);
    const int runs = company.runs(config);
    const KernelConfig suspect = *company.before(config);
    const int suspects_runs = company.runs(suspect);
    company.close();
    Room& room = own_.try_emplace(name, starter_, compiling_).first->second;
    Result<Measurement> measurement = room.prepare(config);
    for (int i = 0; i < runs && measurement && measurement->status == TrialStatus::measured; ++i) {
      if (const Result<Sample> sample = room.sample(config); !sample) measurement = told(sample.error());
    }
    if (!measurement) return measurement;
    if (measurement->status != TrialStatus::measured) {
      charge(config, room, error_of(*measurement));
      return measurement;
    }
    if (auto found = find_fault(suspect, suspects_runs, config, failed); !found) return found.error();
    if (const auto charge = charges_.find(name); charge != charges_.end()) {
      room.close();
      return charged(charge->second);
    }
    return measurement;
  }

  // `victim` failed after `suspect` and not alone. Blame needs more than coincidence: the failure must repeat where
  // nothing else ran, and another candidate tells which of the two is to blame.
  Result<void> find_fault(const KernelConfig& suspect, int runs, const KernelConfig& victim, const Error& failed) {
    const Result<bool> repeats = fails_after(suspect, runs, victim);
    if (!repeats) return repeats.error();
    if (charges_.contains(to_string(suspect))) return {};
    const std::optional<KernelConfig> other = witness(suspect, victim);
    // With nobody to ask: a crash is rather the fault of who wrote where it must not; a wrong result is never so.
    const bool wrong = failed.code == ErrorCode::wrong_result;
    Result<bool> guilty = *repeats;
    if (*repeats && other) guilty = fails_after(suspect, runs, *other);
    if (*repeats && !other) guilty = wrong ? Result<bool>(false) : fails_after(suspect, runs, victim);
    if (!guilty) return guilty.error();
    if (*guilty) {
      charges_.insert_or_assign(
          to_string(suspect), Error{failed.code, fmt::format("{} fails when it runs after this in the same process, "
                                                             "and not without it.",
                                                             to_string(other ? *other : victim))});
    } else if (wrong || (*repeats && other)) {
      // A second draw does not make a wrong result right: whoever uses the kernel runs it after others, too.
      charges_.insert_or_assign(
          to_string(victim),
          Error{failed.code, failed.message + " It was so after another candidate in the same process, not alone."});
    }
    return {};
  }

  /// Runs `first` as often as `runs` in a new process, then `second`. Where `first` itself fails it is charged.
  /// Errors: the machine's.
  Result<bool> fails_after(const KernelConfig& first, int runs, const KernelConfig& second) {
    Room room(starter_, compiling_);
    for (int i = 0; i < std::max(1, runs - 1); ++i) {
      const Result<Sample> sample = room.sample(first);  // the first time prepares it, too
      if (sample) continue;
      if (of_the_machine(sample.error().code)) return sample.error();
      charges_.insert_or_assign(to_string(first), sample.error());
      return false;
    }
    const Result<Sample> sample = room.sample(second);
    if (!sample && of_the_machine(sample.error().code)) return sample.error();
    return !sample.ok();
  }

  /// One that was well so far and is neither of the two.
  std::optional<KernelConfig> witness(const KernelConfig& suspect, const KernelConfig& victim) const {
    for (const auto& [name, config] : wanted_) {
      if (config != suspect && config != victim && !charges_.contains(name) && !own_.contains(name)) return config;
    }
    return std::nullopt;
  }

  Starter starter_;
  Compiling compiling_;
  Room company_;                                ///< of all that never failed
  std::map<std::string, Room> own_;             ///< of those that failed in company and not alone
  std::map<std::string, KernelConfig> wanted_;  ///< prepared and not released
  std::map<std::string, Error> charges_;        ///< why a candidate is tried no more
};

}  // namespace

Result<std::unique_ptr<Runner>> make_worker_runner(const std::shared_ptr<WorkerPool>& pool, Context& context,
                                                   const Problem& problem, const MeasurePolicy& policy) {
  if (context.device().facts().kind == DeviceKind::sim) {
    return unsupported("The simulated device has no time to measure: use the cuda or the cpu device.");
  }
  if (Result<void> valid = validate(problem); !valid) return valid.error();
  auto runner = std::make_unique<WorkerRunner>(pool, context, problem, policy);
  if (Result<void> started = runner->start(); !started) return started.error();
  return std::unique_ptr<Runner>(std::move(runner));
}

}  // namespace fftconv
