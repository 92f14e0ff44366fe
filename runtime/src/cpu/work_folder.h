// A private temporary folder, gone with the object.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fftconv/result.h"

namespace fftconv {

/// Mode 0700, in /tmp. Names given to it are plain file names.
class WorkFolder {
 public:
  static Result<WorkFolder> make();
  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();

  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Errors: io.
  Result<void> write(std::string_view name, std::string_view text) const;
  /// A regular file of 1 to `most` bytes. Errors: io.
  Result<std::vector<std::byte>> read(std::string_view name, std::size_t most) const;

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace fftconv
