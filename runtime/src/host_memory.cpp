#include "host_memory.h"

#include <fmt/format.h>

#include <cstdlib>

namespace fftconv {
namespace {

constexpr std::size_t kAlignment = 64;

class HostBuffer : public DeviceBuffer {
 public:
  HostBuffer(void* data, std::size_t size) : data_(data), size_(size) {}
  ~HostBuffer() override { std::free(data_); }
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;
  void* data() const override { return data_; }
  std::size_t size() const override { return size_; }

 private:
  void* data_;
  std::size_t size_;
};

}  // namespace

Result<std::unique_ptr<DeviceBuffer>> allocate_host(std::size_t bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* data = rounded < bytes ? nullptr : std::aligned_alloc(kAlignment, rounded ? rounded : kAlignment);
  if (!data) {
    return Error{ErrorCode::out_of_memory,
                 fmt::format("{} bytes of memory are not to be had: use a smaller batch.", bytes)};
  }
  return std::unique_ptr<DeviceBuffer>(std::make_unique<HostBuffer>(data, bytes));
}

}  // namespace fftconv
