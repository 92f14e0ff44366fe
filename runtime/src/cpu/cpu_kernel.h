// A kernel of the CPU device, linked into this process.
#pragma once

#include <memory>

#include "cpu/thread_pool.h"
#include "fftconv/device.h"
#include "fftconv/llvm_component.h"

namespace fftconv {

class CpuKernel : public LoadedKernel {
 public:
  /// internal where the object lacks an entry of `source`.
  static Result<std::shared_ptr<const LoadedKernel>> make(const KernelSource& source,
                                                          std::unique_ptr<LinkedObject> object,
                                                          std::shared_ptr<ThreadPool> pool);

  /// Synchronous. Allocates only where a thread's scratch memory was never this large before.
  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const override;

 private:
  /// What the emitted entries look like: work items first .. last - 1, scratch of the worker.
  using Function = void (*)(const KernelArgs* args, std::int64_t first, std::int64_t last, float* scratch);
  struct Entry {
    std::string name;
    Function function = nullptr;
  };

  CpuKernel() = default;

  std::unique_ptr<LinkedObject> object_;
  std::shared_ptr<ThreadPool> pool_;
  Entry convolution_;
  Entry spectrum_;
  std::int64_t points_ = 0;   ///< complex points of a work item's transform
  bool reads_filter_ = true;  ///< else it writes the filter's gradient
};

}  // namespace fftconv
