// KernelCache: binaries by source digest, architecture, compiler version and options (kernels.db).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/result.h"
#include "fftconv/tuning_db.h"

namespace fftconv {

struct KernelKey {
  std::string source_digest;  ///< KernelSource::digest (covers text, options and arch)
  std::string arch;
  std::string compiler;  ///< with version
  std::string options;   ///< joined by newline
  bool operator==(const KernelKey&) const = default;
};

struct CachedKernel {
  std::vector<std::byte> binary;
  int registers = 0;
  int spill_bytes = 0;
  std::int64_t static_shared_bytes = 0;
  std::string log;  ///< compiler's
};

/// One SQLite file beside the tuning database, same rules as TuningDb for damage and places that cannot be written.
/// Binaries are checked by SHA-256 when read: a damaged one is deleted, logged and a miss. After misses rows are
/// compared with the indexes, once and at most 100 ms a miss: an index that lost some is logged and made anew. Files
/// that belong to another user, that others may write, or that are symbolic links are refused. Least recently used
/// binaries leave when the sum of sizes passes `limit_bytes`.
class KernelCache {
 public:
  static Result<KernelCache> open(const std::filesystem::path& file, LogCallback log = {},
                                  std::int64_t limit_bytes = 512LL << 20, bool read_only = false);
  KernelCache(KernelCache&&) noexcept;
  KernelCache& operator=(KernelCache&&) noexcept;
  ~KernelCache();

  std::optional<CachedKernel> find(const KernelKey& key);
  Result<void> put(const KernelKey& key, const CachedKernel& kernel);
  std::int64_t total_bytes();
  bool in_memory() const;

 private:
  struct State;
  explicit KernelCache(std::unique_ptr<State> state);
  /// `there`: a row of this key is, sound or not.
  std::optional<CachedKernel> look_up(const KernelKey& key, bool& there);
  std::unique_ptr<State> state_;
};

}  // namespace fftconv
