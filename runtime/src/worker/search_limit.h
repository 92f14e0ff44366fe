// When the search ends for which candidates are tried.
#pragma once

#include <array>
#include <functional>
#include <limits>
#include <mutex>

#include "fftconv/measure.h"

namespace fftconv::worker {

/// What Runner::until() says; none before that. Thread-safe.
class SearchLimit {
 public:
  enum class Stage { check, sample };  ///< compiling belongs to the check

  void set(Clock clock, double deadline, std::function<bool()> cancelled) {
    const std::lock_guard lock(mutex_);
    clock_ = std::move(clock);
    deadline_ = deadline;
    cancelled_ = std::move(cancelled);
    passed_ = {};
  }
  /// A candidate passed the stage: from now on the deadline holds for it.
  void passed(Stage stage) {
    const std::lock_guard lock(mutex_);
    passed_[static_cast<std::size_t>(stage)] = true;
  }
  bool over(Stage stage) const {
    const std::lock_guard lock(mutex_);
    if (cancelled_ && cancelled_()) return true;
    return passed_[static_cast<std::size_t>(stage)] && clock_ && clock_() >= deadline_;
  }

 private:
  mutable std::mutex mutex_;
  Clock clock_;
  double deadline_ = std::numeric_limits<double>::infinity();
  std::function<bool()> cancelled_;
  std::array<bool, 2> passed_{};
};

}  // namespace fftconv::worker
