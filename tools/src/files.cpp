#include "files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace fftconv::tools {
namespace {

namespace fs = std::filesystem;

/// An open file that is closed, and removed where it was temporary and not kept, when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int fd, fs::path temporary = {}) : fd_(fd), temporary_(std::move(temporary)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  int get() const { return fd_; }
  int close() { return ::close(std::exchange(fd_, -1)); }
  void keep() { temporary_.clear(); }

 private:
  int fd_;
  fs::path temporary_;
};

Error system_error(std::string_view what, const fs::path& path, int code, std::string_view advice) {
  return {ErrorCode::io, fmt::format("{} {}: {}; {}", what, quoted(path), std::strerror(code), advice)};
}

/// 0, or errno.
int write_all(int fd, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data = data.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

/// A rename is durable when the folder is; some file systems refuse to sync folders, which is then theirs to bear.
void sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

constexpr std::string_view kUntouched = "free some space or choose another place (what was there is untouched)";

}  // namespace

std::string quoted(const fs::path& path) { return fmt::format("'{}'", path.string()); }

std::string extension(const fs::path& path) {
  std::string text = path.extension().string();
  if (!text.empty()) text.erase(0, 1);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Result<std::vector<std::byte>> read_file(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return invalid(fmt::format("there is no file {}; check the name", quoted(path)));
  }
  if (fd.get() < 0) return system_error("opening", path, errno, "check the name and its permissions");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error("reading", path, errno, "check the file");
  if (S_ISDIR(status.st_mode)) return invalid(fmt::format("{} is a folder; give a file", quoted(path)));
  std::vector<std::byte> data(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0);
  std::size_t filled = 0;
  for (;;) {
    if (filled == data.size()) data.resize(filled + (1 << 16));
    const ssize_t n = ::read(fd.get(), data.data() + filled, data.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("reading", path, errno, "check the disk that it is on");
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  data.resize(filled);
  return data;
}

Result<void> write_file(const fs::path& path, std::span<const std::byte> data) {
  std::error_code ignored;
  fs::path target = path;
  if (fs::is_symlink(path, ignored)) {
    target = fs::weakly_canonical(path, ignored);
    if (target.empty()) target = path;
  }
  struct stat status {};
  const bool exists = ::stat(target.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    return invalid(fmt::format("{} is a folder; give the name of a file to write", quoted(path)));
  }
  if (exists && !S_ISREG(status.st_mode)) {
    const Descriptor fd(::open(target.c_str(), O_WRONLY | O_CLOEXEC));
    const int code = fd.get() < 0 ? errno : write_all(fd.get(), data);
    if (code != 0) return system_error("writing", path, code, "choose another place");
    return {};
  }
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::string name = (folder / fmt::format(".{}.XXXXXX", target.filename().string())).string();
  const int opened = ::mkstemp(name.data());
  if (opened < 0) return system_error("writing", path, errno, "check that its folder exists and can be written");
  Descriptor fd(opened, name);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(fd.get(), exists ? status.st_mode & 07777 : 0666 & ~mask);
  if (const int code = write_all(fd.get(), data); code != 0) return system_error("writing", path, code, kUntouched);
  if (::fsync(fd.get()) != 0 || fd.close() != 0) return system_error("writing", path, errno, kUntouched);
  if (::rename(name.c_str(), target.c_str()) != 0) return system_error("writing", path, errno, kUntouched);
  fd.keep();
  sync_folder(folder);
  return {};
}

Result<void> write_file(const fs::path& path, std::string_view text) {
  return write_file(path, std::as_bytes(std::span(text)));
}

}  // namespace fftconv::tools
