// A rank's own databases, until rank 0 has everything.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::tools {

/// "node7-1234-3": this machine, this process and its rank.
std::string rank_name(int rank);

/// A folder <cache>/ranks/<rank_name()> with a lock that ends with the process: a folder that nobody locks was
/// left behind by a process that is gone. Its databases are opened by one process alone, so that it may lie on a
/// shared file system, where SQLite does not work between machines.
class RankFolder {
 public:
  /// Errors: io.
  static Result<RankFolder> make(const std::filesystem::path& cache, int rank);
  /// Those of this machine that nobody locks; they are locked now.
  static std::vector<RankFolder> left_behind(const std::filesystem::path& cache);
  RankFolder(RankFolder&& other) noexcept;
  RankFolder& operator=(RankFolder&&) = delete;
  ~RankFolder();

  const std::filesystem::path& path() const { return path_; }
  /// All trials as JSON lines; empty where there are none or they cannot be read.
  std::string lines() const;
  void remove();

 private:
  RankFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace fftconv::tools
