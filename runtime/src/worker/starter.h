// Worker processes that know what the work is about.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "fftconv/measure.h"
#include "worker/pool.h"
#include "worker/process.h"
#include "worker/search_limit.h"

namespace fftconv::worker {

/// Starts processes and begins a problem in them. Thread-safe. `context` must outlive it.
class Starter {
 public:
  Starter(std::shared_ptr<WorkerPool> pool, Context& context, const Problem& problem, const MeasurePolicy& policy);

  /// One of the pool's that compiles; to be given back to the pool. Errors: io, device_missing, busy. After one
  /// no other process is started; but for busy where the search was over before the process was ready.
  Result<std::unique_ptr<Process>> compiler();
  /// One in which nothing happened yet.
  Result<std::unique_ptr<Process>> fresh_compiler();
  /// One in which nothing happened yet, with the inputs on which candidates are checked.
  Result<std::unique_ptr<Process>> runner(SearchLimit::Stage stage);
  WorkerPool& pool() { return *pool_; }
  SearchLimit& limit() { return limit_; }

 private:
  Result<std::unique_ptr<Process>> begin(bool fresh, const Message& request, SearchLimit::Stage stage);
  Error give_up(Error error);

  std::shared_ptr<WorkerPool> pool_;
  Message to_compile_, to_run_;
  SearchLimit limit_;
  std::mutex mutex_;
  std::optional<Error> broken_;  ///< why no process is to be had
};

}  // namespace fftconv::worker
