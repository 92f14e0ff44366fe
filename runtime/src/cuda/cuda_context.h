// The primary context of one GPU, and the guard that makes it current while a call lasts.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "cuda/driver.h"
#include "fftconv/device.h"

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

  /// The stream of work beside the application: not blocking, so that neither waits for the other's. Made once.
  Result<CuStream> background_stream() const;

 private:
  CudaContext(const Driver& driver, CuDevice device, CuContext handle)
      : driver_(driver), device_(device), handle_(handle) {}
  const Driver& driver_;
  CuDevice device_;
  CuContext handle_;
  mutable std::mutex stream_mutex_;
  mutable CuStream stream_ = nullptr;
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

/// While a stream is captured in the (usual) global mode, the driver refuses every thread what might wait for the
/// device, such as freeing memory, and ends the capture. In relaxed mode it does not ask: right for calls that have
/// nothing to do with a captured stream. Puts back the thread's mode of before.
class RelaxedCapture {
 public:
  explicit RelaxedCapture(const Driver& driver);
  ~RelaxedCapture();
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  const Driver& driver_;
  CuCaptureMode mode_ = capture_relaxed;  ///< to exchange: the one of before, while the object lives
  bool changed_ = false;
};

/// What CudaDevice::enter_background() gives; see Device.
class CudaBackground final : public BackgroundScope {
 public:
  explicit CudaBackground(std::shared_ptr<const CudaContext> context);
  ~CudaBackground() override;
  CudaBackground(const CudaBackground&) = delete;
  CudaBackground& operator=(const CudaBackground&) = delete;

 private:
  std::shared_ptr<const CudaContext> context_;
  RelaxedCapture relaxed_;
  CuStream before_;
};

/// The stream for a call that names none: this thread's background stream, else the default one.
CuStream stream_or_own(Stream stream);

}  // namespace fftconv::cuda
