// Worker processes: candidates are compiled and run where they can harm nobody but themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "fftconv/measure.h"

namespace fftconv {

/// What a worker may use before it is ended and its candidate charged.
struct WorkerLimits {
  double compile_s = 120;  ///< wall clock of one compilation
  double run_s = 60;       ///< of loading, checking against fp64, or timing once
  /// Private writable memory (RLIMIT_DATA: address space that is only reserved, as CUDA does, does not count);
  /// 0: three quarters of the machine's memory. Not enforced in builds with a sanitizer, which reserve more.
  std::int64_t memory_bytes = 0;
};

struct WorkerOptions {
  std::filesystem::path program;  ///< empty: find_worker()
  WorkerLimits limits;
};

/// The program fftconv-worker: FFTCONV_WORKER, else beside the running program, else in the folder where the library
/// was installed. Empty where there is none.
std::filesystem::path find_worker();

/// Processes that compile, as many as threads ask for at once, and outlive one problem: a sweep makes one pool.
/// Thread-safe. Nothing is started before it is needed.
class WorkerPool;
/// Errors: not_found where there is no worker program.
Result<std::shared_ptr<WorkerPool>> make_worker_pool(const WorkerOptions& options = {});

/// A runner whose candidates are compiled, loaded, checked and timed in processes of the pool. Sources are emitted
/// and binaries and trials are stored by this process alone. A candidate that crashes, hangs, runs out of memory or
/// writes over the worker's channel is charged with it (TrialStatus::crashed or timed_out, and why), and the others
/// go on in a new process; so does the next after a failed launch or a wrong result, whose process may be damaged.
/// Where a candidate fails in a process that others ran in before, it is tried as often as there in a fresh one: if
/// it does not fail, the one before it is suspected; at the second time the two are tried again, and if the failure
/// repeats the suspect is charged. One that fails three times and can be blamed on nobody is charged itself.
/// Candidates run in a process that is started for this runner, never in one that compiles. Where workers no longer
/// start, Runner::broken() says why. `context` must outlive the runner. Errors: those of make_runner(); io where the
/// worker program does not start, invalid_argument where it is another version of the library.
Result<std::unique_ptr<Runner>> make_worker_runner(const std::shared_ptr<WorkerPool>& pool, Context& context,
                                                   const Problem& problem, const MeasurePolicy& policy);

/// What the program fftconv-worker does: `main` of a program whose arguments are the descriptor of its channel and
/// the bytes of memory that it may use. Answers requests until the channel is closed; `open` opens the device that
/// the first of them names. Returns the exit status.
using OpenDevice = std::function<Result<std::shared_ptr<Device>>(DeviceKind kind, int ordinal)>;
int worker_main(int argc, char** argv, const OpenDevice& open);

}  // namespace fftconv
