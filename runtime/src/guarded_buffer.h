// A device buffer with canaries on both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fftconv/device.h"

namespace fftconv {

class GuardedBuffer {
 public:
  /// `bytes` of device memory, aligned as the device aligns or to 256 bytes, whichever is less. The device must
  /// outlive the buffer.
  static Result<GuardedBuffer> make(Device& device, std::size_t bytes);

  void* data() const { return static_cast<std::byte*>(memory_->data()) + kGuardBytes; }
  std::size_t size() const { return bytes_; }

  /// Fills it with NaN, in every type.
  Result<void> poison();
  /// Writes the canaries anew.
  Result<void> guard();
  /// False where something was written outside.
  Result<bool> intact() const;
  /// A sum over the content: differs where a byte was changed, but for one case in 2^64.
  Result<std::uint64_t> sum() const;

 private:
  static constexpr std::size_t kGuardBytes = 256;
  GuardedBuffer(Device& device, std::unique_ptr<DeviceBuffer> memory, std::size_t bytes)
      : device_(&device), memory_(std::move(memory)), bytes_(bytes) {}

  Device* device_;
  std::unique_ptr<DeviceBuffer> memory_;
  std::size_t bytes_;
};

}  // namespace fftconv
