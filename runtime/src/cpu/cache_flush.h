// Empties the caches of all threads before a cold measurement.
#pragma once

#include <memory>

#include "cpu/team.h"
#include "fftconv/device.h"

namespace fftconv {

class CacheFlush {
 public:
  /// Reads through a buffer of twice `cache_bytes`, on every thread of the team: a core's own cache may hold lines
  /// that the shared one does not. out_of_memory where the buffer cannot be had.
  Result<void> run(Team& team, std::int64_t cache_bytes);

 private:
  std::unique_ptr<DeviceBuffer> buffer_;
};

}  // namespace fftconv
