// The simulated CUDA device: runs emitted CUDA text on the CPU with every check. Correctness, never a timing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fftconv/device.h"

namespace fftconv {

enum class SimMode {
  vector,  ///< one fiber a warp, 32-wide vectors; what the tests use
  fiber,   ///< one fiber a thread, scheduled in random order; the slower cross-check
};

struct SimOptions {
  std::string arch = "sm_90a";
  SimMode mode = SimMode::vector;
  std::uint64_t seed = 1;  ///< order of fibers
  bool checks = true;      ///< races, unwritten reads, ranges, barriers
  bool count = true;       ///< bank conflicts, sectors, instructions of each kind
};

/// One violation. `line` is the line of KernelSource::text that made the access.
struct SimFinding {
  std::string kind;  ///< "race", "unwritten", "out-of-range", "barrier", "async", "misaligned"
  int line = 0;
  int other_line = 0;  ///< the access it collides with, 0 where there is none
  std::string message;
};

/// Counts over one launch.
struct SimCounters {
  std::int64_t mma = 0;                ///< warp-level m16n8k16 products
  std::int64_t shared_requests = 0;    ///< warp-level shared-memory instructions
  std::int64_t shared_wavefronts = 0;  ///< with bank conflicts
  std::int64_t shared_ideal = 0;       ///< without
  std::int64_t shared_bytes = 0;
  std::int64_t global_requests = 0;
  std::int64_t global_sectors = 0;  ///< 32-byte sectors touched
  std::int64_t global_ideal = 0;    ///< bytes asked for / 32, rounded up for each request
  std::int64_t barriers = 0;
};

struct SimReport {
  std::vector<SimFinding> findings;  ///< first 64, deduplicated by (kind, line, other_line)
  SimCounters counters;
};

/// A sim device also answers what the last launch showed. A launch with findings fails with launch_failed and the
/// first finding's message, so that no test can overlook one.
class SimDevice : public Device {
 public:
  virtual SimReport last_report() const = 0;
};

Result<std::shared_ptr<SimDevice>> open_sim(const SimOptions& options);

}  // namespace fftconv
