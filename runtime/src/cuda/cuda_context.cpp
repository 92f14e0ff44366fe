#include "cuda/cuda_context.h"

#include <fmt/format.h>

namespace fftconv::cuda {
namespace {

thread_local CuStream own_stream = nullptr;

}  // namespace

Result<std::shared_ptr<const CudaContext>> CudaContext::open(int ordinal) {
  const auto opened = cuda::driver();
  if (!opened) return opened.error();
  const Driver& driver = **opened;

  int count = 0;
  if (driver.device_count(&count) != cu_success) count = 0;
  if (ordinal < 0 || ordinal >= count) {
    return Error{ErrorCode::device_missing, fmt::format("There is no GPU {}: the NVIDIA driver sees {}.", ordinal,
                                                        count == 0 ? "none" : fmt::format("0 … {}", count - 1))};
  }
  CuDevice device = 0;
  if (const auto found = driver.check(driver.device_get(&device, ordinal), ErrorCode::device_missing, "be opened");
      !found) {
    return found.error();
  }
  CuContext handle = nullptr;
  if (const auto made = driver.check(driver.primary_context_retain(&handle, device), ErrorCode::device_missing,
                                     "give this process a context");
      !made) {
    return made.error();
  }
  return std::shared_ptr<const CudaContext>(new CudaContext(driver, device, handle));
}

CudaContext::~CudaContext() {
  if (stream_) {
    const CurrentContext current(*this);
    driver_.stream_destroy(stream_);
  }
  driver_.primary_context_release(device_);
}

Result<CuStream> CudaContext::background_stream() const {
  const std::lock_guard lock(stream_mutex_);
  if (stream_) return stream_;
  const CurrentContext current(*this);
  const auto made = driver_.check(driver_.stream_create(&stream_, stream_non_blocking), ErrorCode::launch_failed,
                                  "make a stream to work on in the background");
  if (!made) return made.error();
  return stream_;
}

std::string CudaContext::name() const {
  char text[256] = {};
  return driver_.device_name(text, sizeof text - 1, device_) == cu_success ? text : "NVIDIA GPU";
}

std::string CudaContext::bus_id() const {
  char text[64] = {};
  return driver_.device_bus_id(text, sizeof text - 1, device_) == cu_success ? text : "";
}

int CudaContext::attribute(CuDeviceAttribute attribute) const {
  int value = 0;
  return driver_.device_attribute(&value, attribute, device_) == cu_success ? value : 0;
}

CurrentContext::CurrentContext(const CudaContext& context) : driver_(context.driver()) {
  if (driver_.context_get(&before_) == cu_success && before_ == context.handle()) return;
  changed_ = driver_.context_set(context.handle()) == cu_success;
}

CurrentContext::~CurrentContext() {
  if (changed_) driver_.context_set(before_);
}

RelaxedCapture::RelaxedCapture(const Driver& driver)
    : driver_(driver), changed_(driver.exchange_capture_mode(&mode_) == cu_success) {}

RelaxedCapture::~RelaxedCapture() {
  if (changed_) driver_.exchange_capture_mode(&mode_);
}

// Without a stream of its own (the driver gave none) the thread works on the default one: slower, not wrong.
CudaBackground::CudaBackground(std::shared_ptr<const CudaContext> context)
    : context_(std::move(context)), relaxed_(context_->driver()), before_(own_stream) {
  if (const auto stream = context_->background_stream()) own_stream = *stream;
}

CudaBackground::~CudaBackground() { own_stream = before_; }

CuStream stream_or_own(Stream stream) { return stream ? static_cast<CuStream>(stream) : own_stream; }

}  // namespace fftconv::cuda
