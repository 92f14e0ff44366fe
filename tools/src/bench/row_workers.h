// Threads that wait for work on rows, so that a peer does not pay for starting them in every run.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fftconv::tools {

class RowWorkers {
 public:
  explicit RowWorkers(int threads);
  ~RowWorkers();
  RowWorkers(const RowWorkers&) = delete;
  RowWorkers& operator=(const RowWorkers&) = delete;

  /// Calls work(thread) once on each thread, this one being the last, and waits for all.
  void run(const std::function<void(int)>& work);
  int threads() const { return static_cast<int>(threads_.size()) + 1; }

 private:
  void serve(int thread);

  std::mutex mutex_;
  std::condition_variable begin_, end_;
  const std::function<void(int)>* work_ = nullptr;
  int round_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fftconv::tools
