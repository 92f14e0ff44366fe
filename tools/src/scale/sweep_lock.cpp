#include "scale/sweep_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace fftconv::tools {
namespace {

constexpr std::int64_t kDoor = 0;

/// Asks for the lock of one byte. Of the open file and not of the process, as POSIX's own would be, which are lost
/// with the first descriptor that is closed.
int ask(int descriptor, int command, short type, std::int64_t byte, struct flock* answer = nullptr) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  int status = 0;
  do {
    status = ::fcntl(descriptor, command, &lock);
  } while (status != 0 && errno == EINTR);
  if (answer) *answer = lock;
  return status;
}

Error cannot(const char* what) {
  return {ErrorCode::io, fmt::format("sweeps.lock cannot be {}: {}", what, std::strerror(errno))};
}

}  // namespace

Result<SweepLock> SweepLock::open(const std::filesystem::path& folder) {
  SweepLock lock(
      ::open((folder / "sweeps.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (lock.descriptor_ < 0) return cannot("opened");
  struct stat info {};
  if (::fstat(lock.descriptor_, &info) != 0) return cannot("looked at");
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid()) {
    return Error{ErrorCode::io, "sweeps.lock is no file of this user's"};
  }
  return lock;
}

SweepLock::SweepLock(SweepLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

SweepLock::~SweepLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> SweepLock::enter() {
  if (ask(descriptor_, F_OFD_SETLKW, F_WRLCK, kDoor) != 0) return cannot("locked");
  return {};
}

void SweepLock::leave() { ask(descriptor_, F_OFD_SETLK, F_UNLCK, kDoor); }

Result<void> SweepLock::take(std::int64_t sweep) {
  if (ask(descriptor_, F_OFD_SETLK, F_WRLCK, sweep) == 0) return {};
  if (errno != EAGAIN && errno != EACCES) return cannot("locked");
  return Error{ErrorCode::busy, fmt::format("another process is at sweep {}", sweep)};
}

bool SweepLock::is_taken(std::int64_t sweep) const {
  struct flock answer {};
  return ask(descriptor_, F_OFD_GETLK, F_WRLCK, sweep, &answer) == 0 && answer.l_type != F_UNLCK;
}

}  // namespace fftconv::tools
