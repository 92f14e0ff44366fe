// Worker processes that compile and wait for more of it, and the way to others.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "fftconv/worker.h"
#include "worker/process.h"

namespace fftconv {

class WorkerPool {
 public:
  explicit WorkerPool(WorkerOptions options) : options_(std::move(options)) {}

  const WorkerOptions& options() const { return options_; }

  /// One that waits, or a new one. Errors: io where none starts.
  Result<std::unique_ptr<worker::Process>> take();
  /// A new one, whatever waits.
  Result<std::unique_ptr<worker::Process>> start() const;
  /// A dead one is forgotten. Not for one that ran a candidate: what that left behind would be in the next binary, or
  /// be charged to a candidate of another problem.
  void give_back(std::unique_ptr<worker::Process> process);

 private:
  WorkerOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<worker::Process>> waiting_;
};

}  // namespace fftconv
