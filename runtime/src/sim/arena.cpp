#include "sim/arena.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

namespace fftconv::sim {
namespace {

constexpr std::size_t alignment = 256;
constexpr std::size_t guard_bytes = 4096;
constexpr unsigned char poison = 0xFF;

std::size_t round_up(std::size_t value) { return (value + alignment - 1) / alignment * alignment; }

bool untouched(const unsigned char* begin, const unsigned char* end) {
  for (const unsigned char* p = begin; p != end; ++p) {
    if (*p != poison) return false;
  }
  return true;
}

}  // namespace

struct Arena::State {
  mutable std::mutex mutex;
  std::map<std::uintptr_t, std::size_t> live;  // address, bytes
};

std::shared_ptr<Arena::State> Arena::make_state() { return std::make_shared<State>(); }

// Keeps the list alive, so that a buffer may outlive its device.
class Arena::Buffer final : public DeviceBuffer {
 public:
  Buffer(std::shared_ptr<State> state, unsigned char* memory, std::size_t bytes)
      : state_(std::move(state)), memory_(memory), bytes_(bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->live[reinterpret_cast<std::uintptr_t>(data())] = bytes_;
  }
  ~Buffer() override {
    {
      const std::lock_guard lock(state_->mutex);
      state_->live.erase(reinterpret_cast<std::uintptr_t>(data()));
    }
    std::free(memory_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  void* data() const override { return memory_ + guard_bytes; }
  std::size_t size() const override { return bytes_; }

 private:
  std::shared_ptr<State> state_;
  unsigned char* memory_;
  std::size_t bytes_;
};

Result<std::unique_ptr<DeviceBuffer>> Arena::allocate(std::size_t bytes) {
  const std::size_t total = guard_bytes + round_up(bytes) + guard_bytes;
  void* memory = bytes > SIZE_MAX / 2 ? nullptr : std::aligned_alloc(alignment, total);
  if (!memory) {
    return Error{ErrorCode::out_of_memory,
                 fmt::format("The simulated device cannot allocate {} bytes: use a smaller batch.", bytes)};
  }
  std::memset(memory, poison, total);
  return std::unique_ptr<DeviceBuffer>(std::make_unique<Buffer>(state_, static_cast<unsigned char*>(memory), bytes));
}

bool Arena::holds(const void* address, std::size_t bytes) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const std::lock_guard lock(state_->mutex);
  auto next = state_->live.upper_bound(begin);
  if (next == state_->live.begin()) return false;
  --next;
  return Range{next->first, next->first + next->second}.holds(begin, bytes);
}

std::vector<Range> Arena::snapshot() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<Range> ranges;
  for (const auto& [begin, bytes] : state_->live) ranges.push_back({begin, begin + bytes});
  return ranges;
}

std::string Arena::damaged_guard() const {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [begin, bytes] : state_->live) {
    const auto* data = reinterpret_cast<const unsigned char*>(begin);
    if (!untouched(data - guard_bytes, data)) {
      return fmt::format("Something wrote before the start of an allocation of {} bytes.", bytes);
    }
    if (!untouched(data + bytes, data + round_up(bytes) + guard_bytes)) {
      return fmt::format("Something wrote beyond the end of an allocation of {} bytes.", bytes);
    }
  }
  return {};
}

}  // namespace fftconv::sim
