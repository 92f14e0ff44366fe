#include "host_memory.h"

#include <fmt/format.h>

#include <cstdlib>

#include "pages.h"

namespace fftconv {
namespace {

class HostBuffer : public DeviceBuffer {
 public:
  HostBuffer(void* data, std::size_t size) : data_(data), size_(size) {}
  ~HostBuffer() override {
    if (size_ >= kHugePage) {
      unmap_pages(data_, size_);
    } else {
      std::free(data_);
    }
  }
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
  void* const data = bytes >= kHugePage ? map_pages(bytes) : std::aligned_alloc(kPage, bytes / kPage * kPage + kPage);
  if (!data) {
    return Error{ErrorCode::out_of_memory,
                 fmt::format("{} bytes of memory are not to be had: use a smaller batch.", bytes)};
  }
  return std::unique_ptr<DeviceBuffer>(std::make_unique<HostBuffer>(data, bytes));
}

}  // namespace fftconv
