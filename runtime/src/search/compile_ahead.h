// Compiles candidates on threads of its own while others are measured.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "fftconv/measure.h"

namespace fftconv {

/// Queued candidates that were not begun are forgotten when the object goes.
class CompileAhead {
 public:
  CompileAhead(Runner& runner, int threads);
  ~CompileAhead();
  CompileAhead(const CompileAhead&) = delete;
  CompileAhead& operator=(const CompileAhead&) = delete;

  void add(const std::vector<KernelConfig>& configs);
  /// Drops what is queued and was not begun.
  void forget();
  /// Until nothing is queued or being compiled.
  void wait();

 private:
  void work();

  Runner& runner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<KernelConfig> queue_;
  int busy_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  ///< last: joined first
};

}  // namespace fftconv
