// The simulated device's memory: host memory between guard zones, and the list of what is live.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fftconv/device.h"

namespace fftconv::sim {

/// A live allocation, [begin, end).
struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool holds(std::uintptr_t address, std::size_t bytes) const { return address >= begin && address + bytes <= end; }
};

/// Thread-safe.
class Arena {
 public:
  /// 256-byte aligned and filled with 0xFF (a NaN in every type), between guard zones of the same.
  Result<std::unique_ptr<DeviceBuffer>> allocate(std::size_t bytes);
  /// Whether [address, address + bytes) lies in one live allocation.
  bool holds(const void* address, std::size_t bytes) const;
  /// What is live now, by address.
  std::vector<Range> snapshot() const;
  /// The first allocation with a changed guard zone, as a sentence; empty where there is none.
  std::string damaged_guard() const;

 private:
  class Buffer;
  struct Live;
  struct State;
  std::shared_ptr<State> state_ = make_state();
  static std::shared_ptr<State> make_state();
};

}  // namespace fftconv::sim
