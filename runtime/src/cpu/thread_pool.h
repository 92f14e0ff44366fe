// The executor of the CPU device where the application brings none.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "fftconv/executor.h"

namespace fftconv {

/// A fixed set of threads, one of which is the caller's own. A call that finds the pool taken by another caller does
/// all of its work itself rather than wait. So does one in a forked process, which has no copies of the threads.
class ThreadPool : public Executor {
 public:
  /// `threads` at least 1, the caller's included.
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const override;
  /// Task 0 is the caller's. A thread that wakes up late finds its task taken: nobody waits for one that has not
  /// begun.
  void run(Task task, void* context, int count) override;

 private:
  struct Job {
    Task task = nullptr;
    void* context = nullptr;
    int count = 0;
  };

  void work();
  bool run_next(std::uint32_t generation);
  bool in_other_process() const;

  Job job_;
  std::atomic<std::uint64_t> open_{0};        ///< generation of the job, then how many of its tasks nobody has taken
  std::atomic<std::uint32_t> generation_{0};  ///< counts jobs; threads sleep on it
  std::atomic<int> pending_{0};               ///< tasks of the job that have not ended
  std::atomic<bool> taken_{false};
  std::atomic<bool> stop_{false};
  std::int64_t process_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace fftconv
