// libcuda, opened with dlopen: prototypes of the driver functions that are used, as NVIDIA's manual gives them.
#pragma once

#include <cstddef>
#include <string>

#include "fftconv/result.h"

namespace fftconv::cuda {

using CuDevice = int;
using CuAddress = unsigned long long;
struct CuContextTag;
struct CuModuleTag;
struct CuFunctionTag;
struct CuStreamTag;
struct CuEventTag;
using CuContext = CuContextTag*;
using CuModule = CuModuleTag*;
using CuFunction = CuFunctionTag*;
using CuStream = CuStreamTag*;
using CuEvent = CuEventTag*;

enum CuStatus : int { cu_success = 0, cu_out_of_memory = 2, cu_not_initialized = 3, cu_no_device = 100 };

// CUdevice_attribute and friends, by the numbers of the manual.
enum CuDeviceAttribute : int {
  attribute_clock_khz = 13,
  attribute_sm_count = 16,
  attribute_memory_clock_khz = 36,
  attribute_memory_bus_bits = 37,
  attribute_l2_bytes = 38,
  attribute_threads_per_sm = 39,
  attribute_major = 75,
  attribute_minor = 76,
  attribute_shared_per_sm = 81,
  attribute_registers_per_sm = 82,
  attribute_shared_per_block_optin = 97,
};
enum CuFunctionAttribute : int {
  function_shared_bytes = 1,
  function_local_bytes = 3,
  function_registers = 4,
  function_max_dynamic_shared = 8,
};
enum CuCaptureStatus : int { capture_none = 0, capture_active = 1, capture_invalidated = 2 };
enum CuCaptureMode : int { capture_global = 0, capture_thread_local = 1, capture_relaxed = 2 };
enum CuJitOption : int { jit_error_log_buffer = 5, jit_error_log_size = 6 };
constexpr unsigned stream_non_blocking = 1;

struct Driver {
  std::string file;
  int version = 0;  ///< of the CUDA that the driver speaks: 13000 is 13.0

  CuStatus (*get_error_string)(CuStatus, const char**) = nullptr;
  CuStatus (*init)(unsigned flags) = nullptr;
  CuStatus (*driver_version)(int*) = nullptr;
  CuStatus (*device_count)(int*) = nullptr;
  CuStatus (*device_get)(CuDevice*, int ordinal) = nullptr;
  CuStatus (*device_name)(char*, int size, CuDevice) = nullptr;
  CuStatus (*device_attribute)(int*, CuDeviceAttribute, CuDevice) = nullptr;
  CuStatus (*device_bus_id)(char*, int size, CuDevice) = nullptr;
  CuStatus (*primary_context_retain)(CuContext*, CuDevice) = nullptr;
  CuStatus (*primary_context_release)(CuDevice) = nullptr;
  CuStatus (*context_get)(CuContext*) = nullptr;
  CuStatus (*context_set)(CuContext) = nullptr;
  CuStatus (*module_load)(CuModule*, const void* image, unsigned count, CuJitOption*, void** values) = nullptr;
  CuStatus (*module_unload)(CuModule) = nullptr;
  CuStatus (*module_function)(CuFunction*, CuModule, const char* name) = nullptr;
  CuStatus (*function_attribute)(int*, CuFunctionAttribute, CuFunction) = nullptr;
  CuStatus (*function_set_attribute)(CuFunction, CuFunctionAttribute, int) = nullptr;
  CuStatus (*launch)(CuFunction, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                     unsigned shared_bytes, CuStream, void** parameters, void** extra) = nullptr;
  CuStatus (*memory_info)(std::size_t* free, std::size_t* total) = nullptr;
  CuStatus (*memory_allocate)(CuAddress*, std::size_t) = nullptr;
  CuStatus (*memory_free)(CuAddress) = nullptr;
  CuStatus (*copy_to_device)(CuAddress, const void*, std::size_t) = nullptr;
  CuStatus (*copy_to_host)(void*, CuAddress, std::size_t) = nullptr;
  CuStatus (*copy_to_device_async)(CuAddress, const void*, std::size_t, CuStream) = nullptr;
  CuStatus (*copy_to_host_async)(void*, CuAddress, std::size_t, CuStream) = nullptr;
  CuStatus (*memory_set)(CuAddress, unsigned char, std::size_t, CuStream) = nullptr;
  CuStatus (*stream_create)(CuStream*, unsigned flags) = nullptr;
  CuStatus (*stream_destroy)(CuStream) = nullptr;
  CuStatus (*stream_synchronize)(CuStream) = nullptr;
  CuStatus (*stream_is_capturing)(CuStream, CuCaptureStatus*) = nullptr;
  CuStatus (*exchange_capture_mode)(CuCaptureMode*) = nullptr;  ///< of the calling thread
  CuStatus (*event_create)(CuEvent*, unsigned flags) = nullptr;
  CuStatus (*event_destroy)(CuEvent) = nullptr;
  CuStatus (*event_record)(CuEvent, CuStream) = nullptr;
  CuStatus (*event_synchronize)(CuEvent) = nullptr;
  CuStatus (*event_elapsed_ms)(float*, CuEvent begin, CuEvent end) = nullptr;

  /// What the driver says of a status.
  std::string describe(CuStatus status) const;
  /// Nothing for success, else an error with `code` (out_of_memory where the driver says so) and what failed.
  Result<void> check(CuStatus status, ErrorCode code, const char* what) const;
};

/// Opened and initialised once for each value of settings().cuda_driver; "off" hides it.
/// Errors: device_missing with what is missing and what it costs.
Result<const Driver*> driver();

}  // namespace fftconv::cuda
