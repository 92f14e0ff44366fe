#include "private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace fftconv {
namespace {

Error io_error(const std::filesystem::path& path, std::string_view what, int number) {
  return {ErrorCode::io, fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(number))};
}

Result<void> check_owner_and_mode(const std::filesystem::path& path, const struct stat& info) {
  if (info.st_uid != geteuid())
    return Error{ErrorCode::io, fmt::format("{} belongs to user {}, not to user {}: name another cache directory",
                                            path.string(), info.st_uid, geteuid())};
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Error{ErrorCode::io, fmt::format("{} may be written by other users (mode {:o}): chmod go-w it",
                                            path.string(), info.st_mode & 07777)};
  return {};
}

}  // namespace

Result<void> check_private_directory(const std::filesystem::path& directory) {
  struct stat info {};
  if (lstat(directory.c_str(), &info) != 0) return io_error(directory, "cannot use directory", errno);
  if (S_ISLNK(info.st_mode))
    return Error{ErrorCode::io, fmt::format("{} is a symbolic link: name the directory itself", directory.string())};
  if (!S_ISDIR(info.st_mode))
    return Error{ErrorCode::io, fmt::format("{} is not a directory: name another one", directory.string())};
  return check_owner_and_mode(directory, info);
}

Result<void> make_private_directory(const std::filesystem::path& directory) {
  struct stat info {};
  if (lstat(directory.c_str(), &info) != 0) {
    if (errno != ENOENT) return io_error(directory, "cannot use directory", errno);
    std::filesystem::path parent = directory.parent_path();
    if (!parent.empty() && parent != directory && stat(parent.c_str(), &info) != 0) {
      if (auto made = make_private_directory(parent); !made) return made;
    }
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
      return io_error(directory, "cannot create directory", errno);
  }
  return check_private_directory(directory);
}

Result<void> check_private_file(const std::filesystem::path& file) {
  struct stat info {};
  if (lstat(file.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return io_error(file, "cannot use", errno);
  }
  if (S_ISLNK(info.st_mode))
    return Error{ErrorCode::io, fmt::format("{} is a symbolic link: name the file itself", file.string())};
  if (!S_ISREG(info.st_mode))
    return Error{ErrorCode::io, fmt::format("{} is not a regular file: name another one", file.string())};
  return check_owner_and_mode(file, info);
}

Result<void> make_private_file(const std::filesystem::path& file) {
  int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    close(descriptor);
    return {};
  }
  if (errno != EEXIST) return io_error(file, "cannot create", errno);
  return check_private_file(file);
}

Result<std::filesystem::path> set_aside(const std::filesystem::path& file, std::string_view why) {
  for (int n = 1; n < 10000; ++n) {
    std::string name = fmt::format("{}.{}-{}", file.string(), why, n);
    struct stat info {};
    if (lstat(name.c_str(), &info) == 0) continue;
    if (std::rename(file.c_str(), name.c_str()) != 0) return io_error(file, "cannot rename", errno);
    // The write-ahead log holds rows that are not yet in the file: it goes along, or it would be read as part of
    // the next database of this name.
    for (const char* suffix : {"-wal", "-shm", "-journal"})
      if (std::rename((file.string() + suffix).c_str(), (name + suffix).c_str()) != 0 && errno != ENOENT)
        return io_error(file.string() + suffix, "cannot rename", errno);
    return std::filesystem::path(name);
  }
  return Error{ErrorCode::io, fmt::format("too many files {}.{}-*: remove the old ones", file.string(), why)};
}

FileIdentity identity_of(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return {};
  return {static_cast<unsigned long long>(info.st_dev), static_cast<unsigned long long>(info.st_ino)};
}

Result<FileLock> FileLock::take(const std::filesystem::path& file, int wait_ms) {
  if (auto fine = check_private_file(file); !fine) return fine.error();
  int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0) return io_error(file, "cannot create", errno);
  FileLock lock(descriptor);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return io_error(file, "cannot lock", errno);
    if (std::chrono::steady_clock::now() > deadline)
      return Error{ErrorCode::busy,
                   fmt::format("another process holds {}: wait for it to end, then try again", file.string())};
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace fftconv
