// A device buffer with canaries on both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fftconv/device.h"

namespace fftconv {

/// A sum over bytes: differs where one was changed, but for one case in 2^64.
class ContentSum {
 public:
  explicit ContentSum(std::size_t total) : sum_(total) {}
  /// The next `count` bytes, a multiple of eight but for the last of all.
  void add(const void* bytes, std::size_t count);
  std::uint64_t value() const { return sum_; }

 private:
  std::uint64_t sum_;
  std::uint64_t factor_ = 0x9e3779b97f4a7c15ull;
};

class GuardedBuffer {
 public:
  /// `bytes` of device memory, aligned as the device aligns or to 256 bytes, whichever is less. The device must
  /// outlive the buffer.
  static Result<GuardedBuffer> make(Device& device, std::size_t bytes);

  void* data() const { return static_cast<std::byte*>(memory_->data()) + kGuardBytes; }
  std::size_t size() const { return bytes_; }

  /// Fills it with NaN, in every type.
  Result<void> poison();
  /// Whether bytes are as poison() leaves them.
  static bool is_poison(const std::byte* bytes, std::size_t count);
  /// Writes the canaries anew.
  Result<void> guard();
  /// False where something was written outside.
  Result<bool> intact() const;
  /// ContentSum of the content.
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
