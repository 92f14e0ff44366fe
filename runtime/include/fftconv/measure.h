// How candidates are timed: the policy, and the runner that times them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "fftconv/device.h"
#include "fftconv/measurement.h"

namespace fftconv {

class Context;

/// Seconds on a clock that never goes back. Tests script it.
using Clock = std::function<double()>;
Clock monotonic_clock();

struct MeasurePolicy {
  bool cold = true;     ///< flush the cache before each sample; else rotate inputs that together exceed it, after an
                        ///< untimed launch
  int min_samples = 5;  ///< of each candidate that stays in the race
  int max_samples = 40;
  double relative_deviation = 0.01;  ///< a race ends when every candidate's relative_deviation() is below this
  double drop_ratio = 1.25;          ///< a candidate that never was below this times the best leaves …
  int drop_after = 3;                ///< … after this many rounds
  double tie = 0.02;       ///< as fast: a tie goes to an incumbent that was measured before; 0: times are exact
  std::uint64_t seed = 1;  ///< of the random inputs
};

/// The part of a policy that times depend on, as stored in Environment::policy: "cold" or "hot".
std::string to_string(const MeasurePolicy& policy);

/// Compiles, checks and times the candidates of one problem. The implementation in this process is make_runner();
/// one that keeps candidates in a worker process has the same interface.
class Runner {
 public:
  virtual ~Runner() = default;

  /// When the search ends for which candidates are tried: at `deadline` on `clock`, or when `cancelled` (may be
  /// empty) says so. Both are asked from every thread that calls the runner, until the next call of this. A runner
  /// that can stop a candidate does so then: it stays untried, by an error `busy`. The deadline stops no compilation
  /// and no check before one candidate has passed, and no sample before one was taken: a search that measured nothing
  /// tells nothing, and what hung in it would be taken for good. The default does nothing.
  virtual void until(const Clock& clock, double deadline, const std::function<bool()>& cancelled);

  /// Emits and compiles, or finds the binary in the cache. Thread-safe; failures are told by prepare().
  virtual void compile(const KernelConfig& config) = 0;

  /// Loads a candidate, gives it inputs and compares its output with fp64. status is `measured` where it may be
  /// timed, else what went wrong, with the reason; error, registers, spills and compile time are filled where known.
  /// Errors: what says nothing of the candidate, which stays untried: out_of_memory and dependency_missing where it
  /// found no room or no compiler, perhaps as the only one; busy where the search was over (until()); io,
  /// device_missing and busy where no candidate can be tried (worker processes do not start …).
  virtual Result<Measurement> prepare(const KernelConfig& config) = 0;

  /// One timed launch of a candidate that prepare() accepted. Errors: launch_failed, timeout, crashed, wrong_result,
  /// which are the candidate's; those of prepare().
  virtual Result<Sample> sample(const KernelConfig& config) = 0;

  /// Frees what prepare() took.
  virtual void release(const KernelConfig& config) = 0;
};

/// A runner in this process. `context` must outlive it.
Result<std::unique_ptr<Runner>> make_runner(Context& context, const Problem& problem, const MeasurePolicy& policy);

}  // namespace fftconv
