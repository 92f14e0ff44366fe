// The capture file: locked, added to, replaced by renaming.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "fftconv/capture.h"

namespace fftconv {
namespace {

constexpr off_t kMostBytes = off_t{64} << 20;

Error io_error(const std::filesystem::path& file, std::string_view what) {
  return {ErrorCode::io, fmt::format("{} {}: {}", what, file.string(), std::generic_category().message(errno))};
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Result<struct stat> check_file(const Descriptor& descriptor, const std::filesystem::path& file, bool to_write) {
  struct stat info {};
  if (fstat(descriptor.number(), &info) != 0) return io_error(file, "cannot look at");
  const auto refuse = [&](const char* why) {
    return Error{ErrorCode::io, fmt::format("{} {}: name another capture file", file.string(), why)};
  };
  if (!S_ISREG(info.st_mode)) return refuse("is not a regular file");
  if (info.st_size > kMostBytes) return refuse("is too large to be a capture");
  if (!to_write) return info;
  if (info.st_uid != geteuid()) return refuse("belongs to another user");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return refuse("may be written by other users");
  return info;
}

Result<std::string> read_all(const Descriptor& descriptor, const std::filesystem::path& file) {
  std::string text;
  char piece[1 << 14];
  for (;;) {
    const ssize_t got = pread(descriptor.number(), piece, sizeof piece, static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(file, "cannot read");
    if (got == 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
    if (static_cast<off_t>(text.size()) > kMostBytes) {
      return Error{ErrorCode::io, fmt::format("{} is too large to be a capture", file.string())};
    }
  }
}

Result<void> write_all(const Descriptor& descriptor, const std::filesystem::path& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(descriptor.number(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return io_error(file, "cannot write");
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<std::vector<CapturedProblem>> parse_file(const Descriptor& descriptor, const std::filesystem::path& file) {
  const Result<std::string> text = read_all(descriptor, file);
  if (!text) return text.error();
  auto problems = parse_capture(*text);
  if (!problems) return Error{problems.error().code, fmt::format("{}: {}", file.string(), problems.error().message)};
  return problems;
}

// The lock is on the file itself, and whoever holds it puts another file into its place: one that waited may hold the
// lock of a file that has no name any more, and asks again.
Result<Descriptor> open_locked(const std::filesystem::path& file, int wait_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  for (;;) {
    Descriptor descriptor(
        ::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    if (descriptor.number() < 0) return io_error(file, "cannot open");
    const Result<struct stat> info = check_file(descriptor, file, true);
    if (!info) return info.error();
    if (flock(descriptor.number(), LOCK_EX | LOCK_NB) == 0) {
      struct stat named {};
      if (lstat(file.c_str(), &named) == 0 && named.st_ino == info->st_ino && named.st_dev == info->st_dev) {
        return descriptor;
      }
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
      return io_error(file, "cannot lock");
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::busy, fmt::format("another process holds {}: wait for it to end", file.string())};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Result<void> replace(const std::filesystem::path& file, std::string_view text) {
  // Only the holder of the lock writes here; what lies here already was left by one that was killed.
  const std::filesystem::path fresh = file.string() + ".new";
  ::unlink(fresh.c_str());
  {
    const Descriptor descriptor(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (descriptor.number() < 0) return io_error(fresh, "cannot create");
    if (Result<void> written = write_all(descriptor, fresh, text); !written) {
      ::unlink(fresh.c_str());
      return written;
    }
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) {
    const Error error = io_error(file, "cannot replace");
    ::unlink(fresh.c_str());
    return error;
  }
  return {};
}

}  // namespace

Result<std::vector<CapturedProblem>> read_capture(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (descriptor.number() < 0) return io_error(file, "cannot open");
  if (const Result<struct stat> info = check_file(descriptor, file, false); !info) return info.error();
  return parse_file(descriptor, file);
}

Result<void> add_to_capture(const std::filesystem::path& file, const std::vector<CapturedProblem>& more,
                            int wait_ms) {
  const Result<Descriptor> descriptor = open_locked(file, wait_ms);
  if (!descriptor) return descriptor.error();
  const auto before = parse_file(*descriptor, file);
  if (!before) return before.error();
  std::string lines = capture_text(*before);
  for (const CapturedProblem& captured : more) {
    lines += fmt::format("{} {} {}\n", captured.executions, captured.requests, to_string(captured.problem));
  }
  const auto sum = parse_capture(lines);
  if (!sum) return sum.error();
  return replace(file, capture_text(*sum));
}

}  // namespace fftconv
