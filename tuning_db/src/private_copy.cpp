#include "private_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace fftconv {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> suffixes = {"", "-wal", "-journal"};
constexpr std::int64_t clock_step_ns = 20'000'000;  // no file system's clock is coarser

/// What changes with every write.
struct Stamp {
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = 0, modified_ns = 0, changed_ns = 0;
  bool operator==(const Stamp&) const = default;
};
using Stamps = std::array<std::optional<Stamp>, suffixes.size()>;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

Error failure(const fs::path& path, const char* what, int number) {
  return {number == ENOENT ? ErrorCode::not_found : ErrorCode::io,
          fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(number))};
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

// None where there is no such file.
Result<std::optional<Stamp>> stamp_of(const fs::path& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::optional<Stamp>();
    return failure(path, "cannot read", errno);
  }
  if (S_ISLNK(info.st_mode))
    return Error{ErrorCode::io, fmt::format("{} is a symbolic link: name the file itself", path.string())};
  if (!S_ISREG(info.st_mode))
    return Error{ErrorCode::io, fmt::format("{} is not a regular file: name another one", path.string())};
  return std::optional(
      Stamp{info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)});
}

Result<Stamps> stamps_of(const fs::path& file) {
  Stamps stamps;
  for (std::size_t i = 0; i < suffixes.size(); ++i) {
    auto stamp = stamp_of(file.string() + suffixes[i]);
    if (!stamp) return stamp.error();
    stamps[i] = *stamp;
  }
  return stamps;
}

// A second write within one step of the clock would not show.
bool is_quiet(const Stamps& stamps) {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  for (const auto& stamp : stamps) {
    const std::int64_t age = stamp ? nanoseconds(time) - stamp->changed_ns : clock_step_ns;
    if (age >= 0 && age < clock_step_ns) return false;
  }
  return true;
}

Result<void> write_all(int to, const fs::path& path, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(to, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure(path, "cannot write the copy", errno);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return {};
}

Result<void> copy_bytes(const fs::path& from, const fs::path& to) {
  // A name that has become a pipe since must not make this wait.
  const Descriptor in(::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (in.number() < 0) return failure(from, "cannot read", errno);
  const Descriptor out(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (out.number() < 0) return failure(to, "cannot create", errno);
  std::vector<char> buffer(1 << 20);
  for (;;) {
    const ssize_t got = read(in.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(from, "cannot read", errno);
    if (got == 0) return {};
    if (auto done = write_all(out.number(), to, buffer.data(), static_cast<std::size_t>(got)); !done) return done;
  }
}

Result<void> copy_all(const fs::path& from, const fs::path& to, const Stamps& stamps) {
  for (std::size_t i = 0; i < suffixes.size(); ++i) {
    const fs::path target = to.string() + suffixes[i];
    std::error_code ignored;
    fs::remove(target, ignored);
    if (!stamps[i]) continue;
    if (auto done = copy_bytes(from.string() + suffixes[i], target); !done) return done;
  }
  return {};
}

}  // namespace

Result<PrivateFolder> PrivateFolder::make() {
  std::error_code failed;
  const fs::path parent = fs::temp_directory_path(failed);
  if (failed)
    return Error{ErrorCode::io,
                 fmt::format("there is no folder for temporary files ({}): set TMPDIR", failed.message())};
  std::string name = (parent / "fftconv-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return failure(name, "cannot create", errno);
  return PrivateFolder(name);
}

PrivateFolder::PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<fs::path> copy_database(const fs::path& file, const PrivateFolder& folder, int wait_ms) {
  const fs::path copy = folder.path() / "copy.db";
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  for (;;) {
    auto before = stamps_of(file);
    if (!before) return before.error();
    if (!(*before)[0]) return failure(file, "cannot read", ENOENT);
    auto copied = copy_all(file, copy, *before);
    auto after = stamps_of(file);
    if (!after) return after.error();
    const bool at_rest = *before == *after && is_quiet(*after);
    if (copied && at_rest) return copy;
    // What has gone since, a log for one, is no failure.
    if (!copied && (copied.error().code != ErrorCode::not_found || *before == *after)) return copied.error();
    if (std::chrono::steady_clock::now() > end)
      return Error{ErrorCode::busy, fmt::format("{} is being written all the time: wait for that process or end it, "
                                                "then try again",
                                                file.string())};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace fftconv
