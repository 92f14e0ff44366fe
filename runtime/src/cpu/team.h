// Who takes part in the launches of a CPU device.
#pragma once

#include <atomic>
#include <memory>

#include "cpu/scratch.h"
#include "fftconv/executor.h"

namespace fftconv {

/// The threads of a device: an executor, which one launch has at a time, and a count of those that compute. A launch
/// that does not get the executor is done by its own thread; while launches of several threads go on, helpers of the
/// one that has it leave, so that no more than threads() compute, or one for each launch where these are more.
class Team {
 public:
  /// At most `threads` of the executor's.
  Team(std::shared_ptr<Executor> executor, int threads) : executor_(std::move(executor)), threads_(threads) {}

  int threads() const { return threads_; }
  int computing() const { return computing_.load(std::memory_order_relaxed); }  ///< threads that are in a Part

  /// A launch's hold of the executor, if it got it.
  class Turn {
   public:
    explicit Turn(Team& team);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    int threads() const { return threads_; }  ///< 1: the calling thread is alone

    /// Memory for all threads of this turn, aligned to 64 bytes and kept for the next one; where the turn is of one
    /// thread, that thread's own. Null where the system refuses.
    float* shared_scratch(std::size_t bytes);

    /// Calls task(context, i) for each i < threads().
    void run(Executor::Task task, void* context);

   private:
    Team& team_;
    bool has_executor_ = false;
    int threads_ = 1;
  };

  /// One thread's part in a launch, as long as it computes.
  class Part {
   public:
    /// `helps`: is not the one that stays to the end.
    Part(Team& team, bool helps);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    /// Whether this thread is to go on; asked between pieces of work. Once false it stays so.
    bool goes_on();

   private:
    Team& team_;
    bool helps_;
    bool counted_ = true;
  };

 private:
  std::shared_ptr<Executor> executor_;
  int threads_ = 1;
  std::atomic<bool> taken_{false};
  std::atomic<int> computing_{0};
  Scratch shared_;  ///< of whoever has the executor
};

}  // namespace fftconv
