// Waiting for processes that were killed, without being held up by one that does not go.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace fftconv::worker {

/// SIGKILL does not end a process that is inside a driver's call which cannot be interrupted. Such a one is waited
/// for in between, as long as this process lives. Thread-safe.
class Reaper {
 public:
  /// As waitpid() with WNOHANG.
  using Wait = std::function<pid_t(pid_t process, int* status)>;
  static constexpr double kPatience = 5;  // seconds

  explicit Reaper(Wait wait = {}, double patience_s = kPatience);
  /// The one that processes share.
  static const std::shared_ptr<Reaper>& shared();

  /// The status of a process of this one that was killed; none where it was still there after `patience_s` and is
  /// waited for later.
  std::optional<int> reap(pid_t process);
  /// Looks after those that were left; how many still are.
  std::size_t look();

 private:
  /// Whether it is gone; how goes into `status`.
  bool gone(pid_t process, int& status) const;

  Wait wait_;
  double patience_s_;
  std::mutex mutex_;
  std::vector<pid_t> left_;
};

}  // namespace fftconv::worker
