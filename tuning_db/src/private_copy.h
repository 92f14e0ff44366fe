// A copy of a database that may belong to anybody, made where nobody else can reach it.
#pragma once

#include <filesystem>

#include "fftconv/result.h"

namespace fftconv {

/// A folder of this user alone among the system's temporary files; it goes away with the object.
class PrivateFolder {
 public:
  /// Errors: io.
  static Result<PrivateFolder> make();
  PrivateFolder(PrivateFolder&& other) noexcept;
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit PrivateFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Copies `file` and what SQLite keeps beside it (-wal, -journal) into `folder` as they stood at one moment, and
/// returns the copy's name. Only regular files are read, symbolic links are not followed, and nothing is locked or
/// changed. What is written during the copy is copied again, for up to `wait_ms`.
/// Not for a file that this process has open: closing it drops the locks that SQLite holds on it.
/// Errors: not_found, io, busy (it is being written all the time).
Result<std::filesystem::path> copy_database(const std::filesystem::path& file, const PrivateFolder& folder,
                                            int wait_ms);

}  // namespace fftconv
