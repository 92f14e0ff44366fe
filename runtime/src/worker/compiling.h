// Candidates compiled in worker processes; sources are emitted and binaries are stored here.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "fftconv/compiled_kernel.h"
#include "worker/starter.h"

namespace fftconv::worker {

struct Compiled {
  KernelSource source;
  std::optional<CompiledKernel> kernel;
  Measurement failure;           ///< the candidate's, where there is no kernel
  std::optional<Error> machine;  ///< why it was not compiled, where that says nothing of the candidate
  bool cut_off = false;          ///< `machine` is that the search was over
};

/// Of a request whose process was `doing` something with the candidate ("compiling", …): timeout, crashed;
/// out_of_memory where it was killed; busy where it was cut off.
Error error_of(const Failure& failure, const char* doing);
/// Of a candidate that was not begun to be compiled, checked or timed.
Error search_is_over();
/// What a candidate is charged with.
Measurement charged(TrialStatus status, std::string reason);
Measurement charged(const Error& error);

/// Thread-safe: as many processes as threads ask.
class Compiling {
 public:
  Compiling(Starter& starter, Context& context, const Problem& problem)
      : starter_(starter), context_(context), problem_(problem) {}

  void compile(const KernelConfig& config);
  /// Waits for one that is being compiled, compiles one that is not. Errors: Compiled::machine.
  Result<std::shared_ptr<const Compiled>> take(const KernelConfig& config);
  void forget(const KernelConfig& config);

 private:
  Compiled compile_now(const KernelConfig& config);
  /// Fills `kernel`, `failure` or `machine`.
  void compile_in_worker(Compiled& made, bool fresh);

  Starter& starter_;
  Context& context_;
  Problem problem_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> busy_;
  std::map<std::string, std::shared_ptr<const Compiled>> done_;  ///< by config
};

}  // namespace fftconv::worker
