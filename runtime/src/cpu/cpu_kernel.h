// A kernel of the CPU device, linked into this process.
#pragma once

#include <memory>

#include "cpu/team.h"
#include "fftconv/device.h"
#include "fftconv/llvm_component.h"

namespace fftconv {

class CpuKernel : public LoadedKernel {
 public:
  /// damaged where the object lacks an entry of `source`.
  static Result<std::shared_ptr<const LoadedKernel>> make(const KernelSource& source,
                                                          std::unique_ptr<LinkedObject> object,
                                                          std::shared_ptr<Team> team);

  /// Synchronous. Allocates only where scratch memory was never this large before.
  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const override;

  /// What the emitted entries look like: work items first .. last - 1, scratch of the worker.
  using Function = void (*)(const KernelArgs* args, std::int64_t first, std::int64_t last, float* scratch);
  /// Units first .. last - 1 of a pass over one item, scratch of the item: see KernelShares.
  using ShareFunction = void (*)(const KernelArgs* args, std::int64_t item, std::int64_t pass, std::int64_t level,
                                 std::int64_t first, std::int64_t last, float* scratch);
  struct Entry {
    std::string name;
    Function function = nullptr;
    ShareFunction share = nullptr;  ///< null: items are too short for this
  };

 private:
  CpuKernel() = default;
  Result<void> link(const std::string& name, const std::string& share, Entry& entry) const;

  std::unique_ptr<LinkedObject> object_;
  std::shared_ptr<Team> team_;
  Entry convolution_;
  Entry spectrum_;
  KernelShares shares_;
  std::int64_t points_ = 0;   ///< complex points of a work item's transform
  bool reads_filter_ = true;  ///< else it writes the filter's gradient
  bool carries_ = false;
  bool copies_rows_ = false;  ///< samples of a row are no neighbours
  bool keeps_history_ = false;
  bool has_tables_ = true;
};

}  // namespace fftconv
