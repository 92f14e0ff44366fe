#include "cpu/cache_flush.h"

#include <algorithm>
#include <cstring>

#include "host_memory.h"

namespace fftconv {
namespace {

struct Range {
  const volatile char* data;
  std::size_t bytes;
};

// Reads only: written lines would be written back while the kernel is timed.
void read_through(const void* context, std::int64_t, std::int64_t, float*) {
  const Range& range = *static_cast<const Range*>(context);
  for (std::size_t i = 0; i < range.bytes; i += 64) static_cast<void>(range.data[i]);
}

}  // namespace

Result<void> CacheFlush::run(ThreadPool& pool, std::int64_t cache_bytes) {
  constexpr std::int64_t kLeast = std::int64_t{16} << 20, kMost = std::int64_t{1} << 30;
  const auto bytes = static_cast<std::size_t>(std::clamp(2 * cache_bytes, kLeast, kMost));
  if (!buffer_ || buffer_->size() < bytes) {
    Result<std::unique_ptr<DeviceBuffer>> buffer = allocate_host(bytes);
    if (!buffer) return buffer.error();
    buffer_ = std::move(*buffer);
    std::memset(buffer_->data(), 1, bytes);  // pages that were never written all share one page of zeros
  }
  const Range range{static_cast<const char*>(buffer_->data()), bytes};
  pool.run_on_each(read_through, &range);
  return {};
}

}  // namespace fftconv
