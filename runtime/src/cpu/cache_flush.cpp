#include "cpu/cache_flush.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "host_memory.h"

namespace fftconv {
namespace {

struct Range {
  const volatile char* data;
  std::size_t bytes;
  int readers;
  std::atomic<int> arrived{0};
};

/// The threads wait for each other, so that none does the part of one that wakes up late; an executor that does not
/// run them at once makes them wait no longer than this.
constexpr std::chrono::milliseconds kLongestWait{5};

// Reads only: written lines would be written back while the kernel is timed.
void read_through(void* context, int) {
  Range& range = *static_cast<Range*>(context);
  const auto end = std::chrono::steady_clock::now() + kLongestWait;
  range.arrived.fetch_add(1);
  while (range.arrived.load() < range.readers && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  for (std::size_t i = 0; i < range.bytes; i += 64) static_cast<void>(range.data[i]);
}

}  // namespace

Result<void> CacheFlush::run(Team& team, std::int64_t cache_bytes) {
  constexpr std::int64_t kLeast = std::int64_t{16} << 20, kMost = std::int64_t{1} << 30;
  const auto bytes = static_cast<std::size_t>(std::clamp(2 * cache_bytes, kLeast, kMost));
  if (!buffer_ || buffer_->size() < bytes) {
    Result<std::unique_ptr<DeviceBuffer>> buffer = allocate_host(bytes);
    if (!buffer) return buffer.error();
    buffer_ = std::move(*buffer);
    std::memset(buffer_->data(), 1, bytes);  // pages that were never written all share one page of zeros
  }
  Team::Turn turn(team);
  Range range{.data = static_cast<const char*>(buffer_->data()), .bytes = bytes, .readers = turn.threads()};
  turn.run(read_through, &range);
  return {};
}

}  // namespace fftconv
