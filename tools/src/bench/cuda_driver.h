// The few calls of the CUDA driver that timing and cuFFT need, by dlopen and through prototypes of our own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "library.h"

namespace fftconv::tools {

using CudaEvent = void*;
using CudaAddress = std::uint64_t;

/// Opened once for a device, whose primary context it makes current on this thread.
class CudaDriver {
 public:
  static Result<std::shared_ptr<CudaDriver>> open(int ordinal);

  // Each returns 0 or the driver's code; all on the default stream.
  int (*event_create)(CudaEvent*, unsigned) = nullptr;
  int (*event_destroy)(CudaEvent) = nullptr;
  int (*event_record)(CudaEvent, void* stream) = nullptr;
  int (*event_synchronize)(CudaEvent) = nullptr;
  int (*event_elapsed)(float* milliseconds, CudaEvent, CudaEvent) = nullptr;
  int (*memory_allocate)(CudaAddress*, std::size_t) = nullptr;
  int (*memory_free)(CudaAddress) = nullptr;
  int (*memory_set)(CudaAddress, unsigned char, std::size_t, void* stream) = nullptr;
  int (*copy_to_device)(CudaAddress, const void*, std::size_t) = nullptr;
  int (*copy_to_host)(void*, CudaAddress, std::size_t) = nullptr;
  int (*copy_2d)(const void* description, void* stream) = nullptr;
  int (*module_load)(void** module, const void* image) = nullptr;
  int (*module_unload)(void* module) = nullptr;
  int (*module_function)(void** function, void* module, const char* name) = nullptr;
  int (*launch)(void* function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned shared,
                void* stream, void** parameters, void** extra) = nullptr;
  int (*synchronize)() = nullptr;

 private:
  explicit CudaDriver(Library library) : library_(std::move(library)) {}
  Library library_;
};

/// launch_failed with the call's name where `code` is not 0.
Result<void> cuda_check(int code, const char* call);

/// Device memory, freed with the object.
class CudaMemory {
 public:
  static Result<CudaMemory> allocate(std::shared_ptr<CudaDriver> driver, std::size_t bytes);
  CudaMemory() = default;
  CudaMemory(CudaMemory&& other) noexcept;
  CudaMemory& operator=(CudaMemory&& other) noexcept;
  ~CudaMemory();

  CudaAddress address() const { return address_; }
  void* pointer() const { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(address_)); }

 private:
  std::shared_ptr<CudaDriver> driver_;
  CudaAddress address_ = 0;
};

}  // namespace fftconv::tools
