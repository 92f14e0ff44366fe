#include "bench/cuda_driver.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "fftconv/settings.h"

namespace fftconv::tools {
namespace {

/// Fills a pointer to a function of the same type.
template <class Function>
bool fill(const Library& library, Function*& function, const char* name) {
  function = library.find<Function>(name);
  return function != nullptr;
}

Result<void> make_current(const Library& library, int ordinal) {
  int (*init)(unsigned) = nullptr;
  int (*device_get)(int*, int) = nullptr;
  int (*retain)(void**, int) = nullptr;
  int (*set_current)(void*) = nullptr;
  if (!fill(library, init, "cuInit") || !fill(library, device_get, "cuDeviceGet") ||
      !fill(library, retain, "cuDevicePrimaryCtxRetain") || !fill(library, set_current, "cuCtxSetCurrent")) {
    return Error{ErrorCode::dependency_missing, library.name() + " lacks functions of the CUDA driver"};
  }
  int device = 0;
  void* context = nullptr;
  // Released with the process: the library's own device holds the same context.
  if (auto done = cuda_check(init(0), "cuInit"); !done) return done;
  if (auto done = cuda_check(device_get(&device, ordinal), "cuDeviceGet"); !done) return done;
  if (auto done = cuda_check(retain(&context, device), "cuDevicePrimaryCtxRetain"); !done) return done;
  return cuda_check(set_current(context), "cuCtxSetCurrent");
}

}  // namespace

Result<void> cuda_check(int code, const char* call) {
  if (code == 0) return {};
  return Error{ErrorCode::launch_failed, fmt::format("{} failed with code {}", call, code)};
}

Result<std::shared_ptr<CudaDriver>> CudaDriver::open(int ordinal) {
  const std::string& chosen = settings().cuda_driver;
  const std::vector<std::string> names{chosen.empty() ? "libcuda.so.1" : chosen};
  auto library = Library::open(names, "nothing is timed on a GPU");
  if (!library) return library.error();
  if (auto current = make_current(*library, ordinal); !current) return current.error();
  std::shared_ptr<CudaDriver> driver(new CudaDriver(*library));
  CudaDriver& d = *driver;
  const bool complete =
      fill(*library, d.event_create, "cuEventCreate") && fill(*library, d.event_destroy, "cuEventDestroy_v2") &&
      fill(*library, d.event_record, "cuEventRecord") && fill(*library, d.event_synchronize, "cuEventSynchronize") &&
      fill(*library, d.event_elapsed, "cuEventElapsedTime") && fill(*library, d.memory_allocate, "cuMemAlloc_v2") &&
      fill(*library, d.memory_free, "cuMemFree_v2") && fill(*library, d.memory_set, "cuMemsetD8Async") &&
      fill(*library, d.copy_to_device, "cuMemcpyHtoD_v2") && fill(*library, d.copy_to_host, "cuMemcpyDtoH_v2") &&
      fill(*library, d.copy_2d, "cuMemcpy2DAsync_v2") && fill(*library, d.module_load, "cuModuleLoadData") &&
      fill(*library, d.module_unload, "cuModuleUnload") && fill(*library, d.module_function, "cuModuleGetFunction") &&
      fill(*library, d.launch, "cuLaunchKernel") && fill(*library, d.synchronize, "cuCtxSynchronize");
  if (!complete) {
    return Error{ErrorCode::dependency_missing, library->name() + " lacks functions of the CUDA driver; update it"};
  }
  return driver;
}

Result<CudaMemory> CudaMemory::allocate(std::shared_ptr<CudaDriver> driver, std::size_t bytes) {
  CudaMemory memory;
  if (driver->memory_allocate(&memory.address_, bytes) != 0) {
    return Error{ErrorCode::out_of_memory, fmt::format("the GPU has no {} bytes left", bytes)};
  }
  memory.driver_ = std::move(driver);
  return memory;
}

CudaMemory::CudaMemory(CudaMemory&& other) noexcept
    : driver_(std::move(other.driver_)), address_(std::exchange(other.address_, 0)) {}

CudaMemory& CudaMemory::operator=(CudaMemory&& other) noexcept {
  std::swap(driver_, other.driver_);
  std::swap(address_, other.address_);
  return *this;
}

CudaMemory::~CudaMemory() {
  if (driver_ && address_ != 0) driver_->memory_free(address_);
}

}  // namespace fftconv::tools
