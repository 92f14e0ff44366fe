#include "cuda/driver.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <vector>

#include "cuda/dynamic_library.h"
#include "fftconv/settings.h"

namespace fftconv::cuda {
namespace {

constexpr const char* kCost = "kernels for NVIDIA GPUs can be generated and compiled here, but neither run nor timed";

Error missing(const std::string& why) { return {ErrorCode::device_missing, fmt::format("{}: {}.", why, kCost)}; }

/// Name of the first function that the library lacks, empty where it has all.
std::string bind_all(const DynamicLibrary& library, Driver& driver) {
  std::string lacking;
  const auto bind = [&](auto*& function, const char* symbol) {
    if (!library.bind(function, symbol) && lacking.empty()) lacking = symbol;
  };
  bind(driver.get_error_string, "cuGetErrorString");
  bind(driver.init, "cuInit");
  bind(driver.driver_version, "cuDriverGetVersion");
  bind(driver.device_count, "cuDeviceGetCount");
  bind(driver.device_get, "cuDeviceGet");
  bind(driver.device_name, "cuDeviceGetName");
  bind(driver.device_attribute, "cuDeviceGetAttribute");
  bind(driver.device_bus_id, "cuDeviceGetPCIBusId");
  bind(driver.primary_context_retain, "cuDevicePrimaryCtxRetain");
  bind(driver.primary_context_release, "cuDevicePrimaryCtxRelease_v2");
  bind(driver.context_get, "cuCtxGetCurrent");
  bind(driver.context_set, "cuCtxSetCurrent");
  bind(driver.module_load, "cuModuleLoadDataEx");
  bind(driver.module_unload, "cuModuleUnload");
  bind(driver.module_function, "cuModuleGetFunction");
  bind(driver.function_attribute, "cuFuncGetAttribute");
  bind(driver.function_set_attribute, "cuFuncSetAttribute");
  bind(driver.launch, "cuLaunchKernel");
  bind(driver.memory_info, "cuMemGetInfo_v2");
  bind(driver.memory_allocate, "cuMemAlloc_v2");
  bind(driver.memory_free, "cuMemFree_v2");
  bind(driver.copy_to_device, "cuMemcpyHtoD_v2");
  bind(driver.copy_to_host, "cuMemcpyDtoH_v2");
  bind(driver.copy_to_device_async, "cuMemcpyHtoDAsync_v2");
  bind(driver.copy_to_host_async, "cuMemcpyDtoHAsync_v2");
  bind(driver.memory_set, "cuMemsetD8Async");
  bind(driver.stream_create, "cuStreamCreate");
  bind(driver.stream_destroy, "cuStreamDestroy_v2");
  bind(driver.stream_synchronize, "cuStreamSynchronize");
  bind(driver.stream_is_capturing, "cuStreamIsCapturing");
  bind(driver.exchange_capture_mode, "cuThreadExchangeStreamCaptureMode");
  bind(driver.event_create, "cuEventCreate");
  bind(driver.event_destroy, "cuEventDestroy_v2");
  bind(driver.event_record, "cuEventRecord");
  bind(driver.event_synchronize, "cuEventSynchronize");
  bind(driver.event_elapsed_ms, "cuEventElapsedTime");
  return lacking;
}

Result<Driver> open_driver(const std::string& chosen) {
  if (chosen == "off") return missing("The CUDA driver is turned off by the setting FFTCONV_LIBCUDA=off");
  const std::vector<std::string> names =
      chosen.empty()
          ? std::vector<std::string>{"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1",
                                     "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/local/nvidia/lib/libcuda.so.1"}
          : std::vector<std::string>{chosen};
  const auto library = DynamicLibrary::open_first(names);
  if (!library) {
    return chosen.empty()
               ? missing("There is no NVIDIA driver on this machine (libcuda.so.1 was not found)")
               : missing(fmt::format("libcuda cannot be opened from FFTCONV_LIBCUDA ({})", library.error().message));
  }
  Driver driver;
  driver.file = library->name();
  if (const std::string lacking = bind_all(*library, driver); !lacking.empty()) {
    return missing(
        fmt::format("{} has no function {}, so it is no NVIDIA driver of CUDA 11 or later", driver.file, lacking));
  }
  if (const CuStatus status = driver.init(0); status != cu_success) {
    return missing(fmt::format("The NVIDIA driver {} does not start ({})", driver.file, driver.describe(status)));
  }
  if (driver.driver_version(&driver.version) != cu_success) driver.version = 0;
  return driver;
}

}  // namespace

std::string Driver::describe(CuStatus status) const {
  const char* text = nullptr;
  if (get_error_string && get_error_string(status, &text) == cu_success && text) {
    return fmt::format("CUDA error {}: {}", static_cast<int>(status), text);
  }
  return fmt::format("CUDA error {}", static_cast<int>(status));
}

Result<void> Driver::check(CuStatus status, ErrorCode code, const char* what) const {
  if (status == cu_success) return {};
  if (status == cu_out_of_memory) code = ErrorCode::out_of_memory;
  return Error{code, fmt::format("The GPU could not {} ({}).", what, describe(status))};
}

Result<const Driver*> driver() {
  static std::mutex mutex;
  static std::map<std::string, Result<Driver>> opened;  // never erased: callers hold addresses
  const std::lock_guard lock(mutex);
  const std::string& chosen = settings().cuda_driver;
  auto found = opened.find(chosen);
  if (found == opened.end()) found = opened.emplace(chosen, open_driver(chosen)).first;
  if (!found->second) return found->second.error();
  return &found->second.value();
}

}  // namespace fftconv::cuda
