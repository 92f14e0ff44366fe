// The primary context of one GPU, and the guard that makes it current while a call lasts.
#pragma once

#include <memory>
#include <string>

#include "cuda/driver.h"

namespace fftconv::cuda {

/// Keeps the device's primary context (the one that an application's own runtime calls use) alive.
class CudaContext {
 public:
  static Result<std::shared_ptr<const CudaContext>> open(int ordinal);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  const Driver& driver() const { return driver_; }
  CuDevice device() const { return device_; }
  CuContext handle() const { return handle_; }
  std::string name() const;
  std::string bus_id() const;
  int attribute(CuDeviceAttribute attribute) const;  ///< 0 where the driver does not know it

 private:
  CudaContext(const Driver& driver, CuDevice device, CuContext handle)
      : driver_(driver), device_(device), handle_(handle) {}
  const Driver& driver_;
  CuDevice device_;
  CuContext handle_;
};

/// Makes the context current on this thread and puts back what was current before. Takes no lock.
class CurrentContext {
 public:
  explicit CurrentContext(const CudaContext& context);
  ~CurrentContext();
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;

 private:
  const Driver& driver_;
  CuContext before_ = nullptr;
  bool changed_ = false;
};

}  // namespace fftconv::cuda
