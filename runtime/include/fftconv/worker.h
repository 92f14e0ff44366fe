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

/// A runner whose candidates are compiled, loaded, checked and timed in worker processes. Sources are emitted and
/// binaries and trials are stored by this process alone. A candidate that crashes, hangs, runs out of memory or
/// writes over the worker's channel is charged with it (TrialStatus::crashed or timed_out, and why), and the others
/// go on in a new process; so does the next after a failed launch or a wrong result, whose process may be damaged.
///
/// What counts as proof, for a failure of any kind:
///
/// - One that had the process to itself is charged with it.
///
/// - One that failed where others ran before is tried as often in a process of its own. Failing there it is charged.
///
/// - Else it stays in a process of its own, and the failure is repeated with nothing but the one that ran before it.
///   If a third candidate fails after that one, too (where there is no third: if the failure repeats twice), the one
///   before is charged. If the third does not fail, the candidate is: it cannot stand what others can.
///
/// - A wrong result is not forgiven because it was right at a second try: unless the one before is to blame, a
///   candidate that was wrong once is charged with it.
///
/// - What was still at work when the search ended (Runner::until()) is ended with its process and charged to nobody:
///   an error busy. That is no failure, and the next search tries it again.
///
/// - What is the machine's fault (a worker does not start, or is killed by signal 9) is charged to nobody: it is an
///   error of Runner::prepare() or sample().
///
/// A process that does not go when it is killed, being stuck in a driver, is waited for five seconds and then in
/// between: the search goes on in another one.
///
/// Candidates run in processes that are started for them, never in one that compiles; these end when the last of
/// those that were prepared together is released. `context` must outlive the runner. Errors: those of make_runner();
/// io where the worker program does not start, ends at once or is another version of the library.
Result<std::unique_ptr<Runner>> make_worker_runner(const std::shared_ptr<WorkerPool>& pool, Context& context,
                                                   const Problem& problem, const MeasurePolicy& policy);

/// What the program fftconv-worker does: `main` of a program whose arguments are the descriptor of its channel and
/// the bytes of memory that it may use. Answers requests until the channel is closed; `open` opens the device that
/// the first of them names. Returns the exit status.
using OpenDevice = std::function<Result<std::shared_ptr<Device>>(DeviceKind kind, int ordinal)>;
int worker_main(int argc, char** argv, const OpenDevice& open);

}  // namespace fftconv
