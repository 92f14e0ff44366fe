#include "guarded_buffer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace fftconv {
namespace {

constexpr std::byte kCanary{0xa5};
constexpr std::byte kPoison{0xff};
constexpr std::size_t kChunkBytes = 1u << 20;

Result<void> set_bytes(Device& device, std::byte* destination, std::size_t bytes, std::byte value) {
  const std::vector<std::byte> chunk(std::min(bytes, kChunkBytes), value);
  for (std::size_t done = 0; done < bytes; done += chunk.size()) {
    const std::size_t count = std::min(chunk.size(), bytes - done);
    if (auto copied = device.upload(destination + done, chunk.data(), count); !copied) return copied;
  }
  return {};
}

}  // namespace

Result<GuardedBuffer> GuardedBuffer::make(Device& device, std::size_t bytes) {
  auto memory = device.allocate(bytes + 2 * kGuardBytes);
  if (!memory) return memory.error();
  GuardedBuffer buffer(device, std::move(memory).value(), bytes);
  if (auto guarded = buffer.guard(); !guarded) return guarded.error();
  return buffer;
}

Result<void> GuardedBuffer::guard() {
  auto* base = static_cast<std::byte*>(memory_->data());
  for (std::byte* guard : {base, base + kGuardBytes + bytes_}) {
    if (auto set = set_bytes(*device_, guard, kGuardBytes, kCanary); !set) return set;
  }
  return {};
}

Result<void> GuardedBuffer::poison() { return set_bytes(*device_, static_cast<std::byte*>(data()), bytes_, kPoison); }

Result<bool> GuardedBuffer::intact() const {
  const auto* base = static_cast<const std::byte*>(memory_->data());
  std::vector<std::byte> found(kGuardBytes);
  for (const std::byte* guard : {base, base + kGuardBytes + bytes_}) {
    if (auto copied = device_->download(found.data(), guard, kGuardBytes); !copied) return copied.error();
    if (std::any_of(found.begin(), found.end(), [](std::byte b) { return b != kCanary; })) return false;
  }
  return true;
}

bool GuardedBuffer::is_poison(const std::byte* bytes, std::size_t count) {
  return std::all_of(bytes, bytes + count, [](std::byte b) { return b == kPoison; });
}

// Words times odd numbers that differ from place to place: as fast as memory, and a moved word is not the same.
void ContentSum::add(const void* bytes, std::size_t count) {
  constexpr std::uint64_t step = 0x9e3779b97f4a7c16ull;
  constexpr std::size_t width = sizeof(std::uint64_t);
  const auto* from = static_cast<const std::byte*>(bytes);
  std::uint64_t word = 0;
  std::size_t done = 0;
  for (; done + width <= count; done += width, factor_ += step) {
    std::memcpy(&word, from + done, width);
    sum_ += word * factor_;
  }
  if (done == count) return;
  word = 0;
  std::memcpy(&word, from + done, count - done);
  sum_ += word * factor_;
}

Result<std::uint64_t> GuardedBuffer::sum() const {
  std::vector<std::byte> chunk(std::min(bytes_, kChunkBytes));
  ContentSum sum(bytes_);
  for (std::size_t done = 0; done < bytes_; done += kChunkBytes) {
    const std::size_t count = std::min(kChunkBytes, bytes_ - done);
    const auto copied = device_->download(chunk.data(), static_cast<const std::byte*>(data()) + done, count);
    if (!copied) return copied.error();
    sum.add(chunk.data(), count);
  }
  return sum.value();
}

}  // namespace fftconv
