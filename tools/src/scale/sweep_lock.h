// Which of the sweeps in a cache directory a process is at.
#pragma once

#include <cstdint>
#include <filesystem>

#include "fftconv/result.h"

namespace fftconv::tools {

/// One file, sweeps.lock, whose byte n is locked by the process that is at sweep n. The system frees what a process
/// held however it ends, so that a sweep that was killed can be resumed at once; and there is no file a sweep to
/// clear away. Byte 0 is a door: behind it a sweep gets its number and its lock as one step, and who looks for a
/// sweep that was cut off sees both or neither.
class SweepLock {
 public:
  /// Makes the file where it is missing. Errors: io, also where it is another user's or a symbolic link.
  static Result<SweepLock> open(const std::filesystem::path& folder);
  SweepLock(SweepLock&& other) noexcept;
  SweepLock& operator=(SweepLock&&) = delete;
  ~SweepLock();

  /// Waits for its turn at the door. Errors: io where the file system has no such locks.
  Result<void> enter();
  void leave();

  /// Until this object goes. Errors: busy where another process is at the sweep, io.
  Result<void> take(std::int64_t sweep);
  /// Whether another process is at it.
  bool is_taken(std::int64_t sweep) const;

 private:
  explicit SweepLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace fftconv::tools
