// How far the threads of one launch are.
#pragma once

#include <atomic>
#include <cstdint>

namespace fftconv {

/// Tickets are taken in order, and a thread ends the one it has before it takes another: the holder of the first one
/// that has not ended never waits, so that nobody waits for ever, however few of the threads really run.
class Progress {
 public:
  std::int64_t take() { return next_.fetch_add(1, std::memory_order_relaxed); }

  /// Until `count` tickets have ended. What their threads wrote is seen then.
  void wait_for(std::int64_t count) const;

  /// One has ended; `end` is where its pass does.
  void finish(std::int64_t end);

  std::int64_t ended() const { return ended_.load(std::memory_order_acquire); }

 private:
  alignas(64) std::atomic<std::int64_t> next_{0};
  alignas(64) std::atomic<int> ended_{0};
};

}  // namespace fftconv
