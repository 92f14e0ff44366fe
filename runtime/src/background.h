// Background: one thread that works beside the application.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "fftconv/device.h"

namespace fftconv {

/// Tasks run one at a time, so that the application loses one core at most; those that only compile before those that
/// measure, else in the order of asking. The thread starts with the first task and is joined with the object.
class Background {
 public:
  enum class Kind { compiles, measures };

  explicit Background(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// `run` is called on the thread, and `failed` after it where it throws: the application is not to end of it.
  /// `drop` is called in its stead where the object goes before the task's turn. Neither of the two may throw.
  void add(Kind kind, std::function<void()> run, std::function<void()> drop,
           std::function<void(const Error& error)> failed);
  /// True once the object is going: a long task asks and ends early.
  bool stopping() const;

 private:
  struct Task {
    Kind kind;
    std::function<void()> run;
    std::function<void()> drop;
    std::function<void(const Error& error)> failed;
  };
  void work();

  std::shared_ptr<Device> device_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fftconv
