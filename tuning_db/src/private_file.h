// Files and directories that belong to this user alone.
#pragma once

#include <filesystem>
#include <string_view>

#include "fftconv/result.h"

namespace fftconv {

/// Creates `directory` and what is missing above it (mode 0700), then checks it: a directory, not a symbolic link,
/// of this user, not writable by group or others. Errors: io.
Result<void> make_private_directory(const std::filesystem::path& directory);
/// The same check without creating anything.
Result<void> check_private_directory(const std::filesystem::path& directory);

/// Checks a regular file by the same rules; one that does not exist passes. Errors: io.
Result<void> check_private_file(const std::filesystem::path& file);

/// Creates an empty file (mode 0600) where there is none, and checks it. Errors: io.
Result<void> make_private_file(const std::filesystem::path& file);

/// Renames `file` and what SQLite keeps beside it (-wal, -shm, -journal) to `<file>.<why>-<n>`, the first n that is
/// free. Returns the new name.
Result<std::filesystem::path> set_aside(const std::filesystem::path& file, std::string_view why);

/// Which file a name stands for at the moment; both 0 where there is none.
struct FileIdentity {
  unsigned long long device = 0;
  unsigned long long inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
FileIdentity identity_of(const std::filesystem::path& file);

/// Exclusive advisory lock on a file of its own, for opening, creating and setting aside a database: without it one
/// process could set aside what another has just created.
class FileLock {
 public:
  /// Waits up to `wait_ms`. Errors: busy, io.
  static Result<FileLock> take(const std::filesystem::path& file, int wait_ms);
  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace fftconv
