// Threads of the CPU device. Results never depend on how work is shared out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace fftconv {

/// A fixed set of threads, one of which is the caller's own. A call that finds the pool taken by another caller does
/// all of its work itself rather than wait.
class ThreadPool {
 public:
  /// Work items first .. last - 1 with the scratch memory of the thread that runs them.
  using Task = void (*)(const void* context, std::int64_t first, std::int64_t last, float* scratch);

  /// `threads` at least 1, the caller's included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Runs items 0 .. items - 1. Scratch is aligned to 64 bytes, belongs to its
  /// thread and is kept for the next call. False where a thread could not get its scratch memory.
  bool run(Task task, const void* context, std::int64_t items, std::size_t scratch_bytes);

  /// The same on the caller's thread alone.
  static bool run_here(Task task, const void* context, std::int64_t items, std::size_t scratch_bytes);

  /// Runs one item on every thread, item i on thread i.
  bool run_on_each(Task task, const void* context);

 private:
  struct Job {
    Task task = nullptr;
    const void* context = nullptr;
    std::int64_t items = 0;
    std::int64_t chunk = 1;
    std::size_t scratch_bytes = 0;
    bool on_each = false;
  };

  bool run_job(const Job& job);
  void work(int index);
  void take_part(int index);
  bool in_other_process() const;

  Job job_;
  std::atomic<std::int64_t> next_{0};         ///< first item that nobody has taken
  std::atomic<std::uint32_t> generation_{0};  ///< counts jobs; workers sleep on it
  std::atomic<int> pending_{0};               ///< workers that have not finished the job
  std::atomic<bool> taken_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> stop_{false};
  std::int64_t process_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace fftconv
