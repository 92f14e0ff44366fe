#include "cuda/cuda_module.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <vector>

namespace fftconv::cuda {
namespace {

/// More dynamic shared memory than this must be asked for, function by function.
constexpr std::int64_t kSharedWithoutAsking = 48 * 1024;

class CudaModule final : public LoadedKernel {
 public:
  CudaModule(std::shared_ptr<const CudaContext> context, CuModule module)
      : context_(std::move(context)), module_(module) {}

  ~CudaModule() override {
    const CurrentContext current(*context_);
    const RelaxedCapture relaxed(context_->driver());
    context_->driver().module_unload(module_);
  }

  Result<void> prepare(const KernelEntry& entry) {
    if (entry.name.empty()) return {};
    const Driver& driver = context_->driver();
    const CurrentContext current(*context_);
    CuFunction function = nullptr;
    if (const CuStatus status = driver.module_function(&function, module_, entry.name.c_str());
        status != cu_success) {
      return Error{ErrorCode::launch_failed,
                   fmt::format("The compiled kernel has no entry {} ({}).", entry.name, driver.describe(status))};
    }
    // Asking for an attribute makes a lazily loading driver load the function now and not inside a graph capture.
    int registers = 0;
    driver.function_attribute(&registers, function_registers, function);
    if (entry.shared_bytes > kSharedWithoutAsking) {
      const CuStatus status =
          driver.function_set_attribute(function, function_max_dynamic_shared, static_cast<int>(entry.shared_bytes));
      if (status != cu_success) {
        return Error{ErrorCode::launch_failed,
                     fmt::format("The GPU refuses {} bytes of shared memory for a block of {} ({}).",
                                 entry.shared_bytes, entry.name, driver.describe(status))};
      }
    }
    entries_.push_back({entry.name, function});
    return {};
  }

  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const override {
    const CuFunction function = find(entry.name);
    if (!function) {
      return Error{ErrorCode::launch_failed, fmt::format("The loaded kernel has no entry {}.", entry.name)};
    }
    const Driver& driver = context_->driver();
    const CurrentContext current(*context_);
    std::array<void*, 1> parameters = {const_cast<KernelArgs*>(&args)};
    const CuStatus status =
        driver.launch(function, static_cast<unsigned>(entry.grid[0]), static_cast<unsigned>(entry.grid[1]),
                      static_cast<unsigned>(entry.grid[2]), static_cast<unsigned>(entry.threads), 1, 1,
                      static_cast<unsigned>(entry.shared_bytes), stream_or_own(stream), parameters.data(), nullptr);
    if (status == cu_success) return {};
    return Error{
        ErrorCode::launch_failed,
        fmt::format("The GPU refused to launch {} with {} x {} x {} blocks of {} threads and {} bytes of shared "
                    "memory ({}).",
                    entry.name, entry.grid[0], entry.grid[1], entry.grid[2], entry.threads, entry.shared_bytes,
                    driver.describe(status))};
  }

 private:
  struct Entry {
    std::string name;
    CuFunction function;
  };

  CuFunction find(const std::string& name) const {
    for (const Entry& entry : entries_) {
      if (entry.name == name) return entry.function;
    }
    return nullptr;
  }

  std::shared_ptr<const CudaContext> context_;
  CuModule module_;
  std::vector<Entry> entries_;  // two at most; not changed once load_module() returns
};

}  // namespace

Result<std::shared_ptr<const LoadedKernel>> load_module(std::shared_ptr<const CudaContext> context,
                                                        const KernelSource& source, const CompiledKernel& kernel) {
  if (kernel.format == BinaryFormat::object) {
    return invalid("A host object cannot be loaded into a GPU: compile the kernel for it.");
  }
  const Driver& driver = context->driver();
  const CurrentContext current(*context);

  // PTX is read as a string; the extra byte does a cubin no harm.
  std::vector<std::byte> image = kernel.binary;
  image.push_back(std::byte{0});
  std::array<char, 4096> log{};
  std::array<CuJitOption, 2> options = {jit_error_log_buffer, jit_error_log_size};
  std::array<void*, 2> values = {log.data(), reinterpret_cast<void*>(std::uintptr_t{log.size() - 1})};
  CuModule module = nullptr;
  const CuStatus status = driver.module_load(&module, image.data(), 2, options.data(), values.data());
  if (status != cu_success) {
    const std::string said(log.data(), strnlen(log.data(), log.size()));
    return Error{status == cu_out_of_memory ? ErrorCode::out_of_memory : ErrorCode::launch_failed,
                 fmt::format("The GPU's driver does not load the kernel {} ({}){}{}", source.convolution.name,
                             driver.describe(status), said.empty() ? "." : ": ", said)};
  }
  auto loaded = std::make_shared<CudaModule>(std::move(context), module);
  for (const KernelEntry* entry : {&source.convolution, &source.spectrum}) {
    if (const auto ready = loaded->prepare(*entry); !ready) return ready.error();
  }
  return std::shared_ptr<const LoadedKernel>(std::move(loaded));
}

}  // namespace fftconv::cuda
