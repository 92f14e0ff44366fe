// KernelStore: from a source to a kernel that can be launched, each compiled once.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "fftconv/kernel_cache.h"
#include "flights.h"
#include "plan_state.h"

namespace fftconv {

/// Kernels in use, then kernels.db, then the compiler. Thread-safe: requests for one kernel that arrive while it is
/// being made wait for it. Kernels that nobody uses any more are unloaded. One binary can serve problems of many
/// batch and channel counts: it is compiled once, by the source's digest, and loaded for each problem with its own
/// grid.
class KernelStore {
 public:
  using Ready = std::shared_ptr<const ReadyKernel>;

  KernelStore(std::shared_ptr<Device> device, KernelCache cache, LogCallback log);

  /// Errors: those of Device::compile and Device::load; not_found where `may_compile` is false and there is no
  /// binary.
  Result<Ready> get(const KernelSource& source, bool may_compile);

  /// The cached binary of a source, and its way into the cache, for those who compile elsewhere.
  std::optional<CompiledKernel> cached(const KernelSource& source);
  void keep(const KernelSource& source, const CompiledKernel& kernel);

 private:
  Result<Ready> make(const KernelSource& source, bool may_compile);
  Result<CompiledKernel> compile(const KernelSource& source, const KernelKey& key);
  Result<Ready> load(const KernelSource& source, CompiledKernel compiled);
  std::optional<CompiledKernel> find_cached(const KernelKey& key);
  void store(const KernelKey& key, const CompiledKernel& kernel);
  void say(const std::string& line) const;

  std::shared_ptr<Device> device_;
  LogCallback log_;
  std::mutex cache_mutex_;
  KernelCache cache_;
  std::mutex ready_mutex_;
  std::map<std::string, std::weak_ptr<const ReadyKernel>> ready_;  ///< by digest and problem
  Flights<Ready> making_;                                          ///< by digest and problem
  Flights<CompiledKernel> compiling_;                              ///< by digest
};

}  // namespace fftconv
