#include "worker/reaper.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace fftconv::worker {

Reaper::Reaper(Wait wait, double patience_s) : wait_(std::move(wait)), patience_s_(patience_s) {
  if (!wait_) wait_ = [](pid_t process, int* status) { return ::waitpid(process, status, WNOHANG); };
}

const std::shared_ptr<Reaper>& Reaper::shared() {
  static const auto reaper = std::make_shared<Reaper>();
  return reaper;
}

// Any other error than an interruption means that it is nobody to wait for: the application waited for it itself.
bool Reaper::gone(pid_t process, int& status) const {
  const pid_t found = wait_(process, &status);
  return found == process || (found < 0 && errno != EINTR);
}

std::optional<int> Reaper::reap(pid_t process) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds longest(20);
  const auto end = Clock::now() + std::chrono::duration<double>(patience_s_);
  int status = 0;
  for (std::chrono::microseconds pause(100); !gone(process, status);
       pause = std::min<std::chrono::microseconds>(2 * pause, longest)) {
    if (Clock::now() >= end) {
      const std::lock_guard lock(mutex_);
      left_.push_back(process);
      return std::nullopt;
    }
    std::this_thread::sleep_for(pause);
  }
  return status;
}

std::size_t Reaper::look() {
  const std::lock_guard lock(mutex_);
  std::erase_if(left_, [this](pid_t process) {
    int status = 0;
    return gone(process, status);
  });
  return left_.size();
}

}  // namespace fftconv::worker
