// SharedSlot: a shared_ptr that readers copy while a writer may replace it.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

namespace fftconv {

/// What std::atomic<std::shared_ptr> is, and no more. Not that one: with g++ 12 the thread sanitizer finds its
/// readers racing (a relaxed unlock in the library, put right in g++ 13). Held for a few nanoseconds, by spinning.
template <class T>
class SharedSlot {
 public:
  SharedSlot() = default;
  explicit SharedSlot(std::shared_ptr<T> value) : value_(std::move(value)) {}

  std::shared_ptr<T> load() const {
    lock();
    std::shared_ptr<T> copy = value_;
    unlock();
    return copy;
  }
  /// Returns what was there.
  std::shared_ptr<T> exchange(std::shared_ptr<T> value) {
    lock();
    value_.swap(value);
    unlock();
    return value;
  }

 private:
  void lock() const {
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) std::this_thread::yield();
    }
  }
  void unlock() const { locked_.store(false, std::memory_order_release); }

  mutable std::atomic<bool> locked_ = false;
  std::shared_ptr<T> value_;
};

}  // namespace fftconv
