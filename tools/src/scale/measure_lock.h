// Who measures on a device that several processes share: one at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "console.h"
#include "fftconv/measure.h"

namespace fftconv::tools {

/// A lock of this machine that all processes of this user with the same cache directory know by its name. Two files,
/// both with flock: a "door" that is held while waiting for the "room", so that a process that takes the room again
/// and again lets one that waits in between. Ends with the process that holds it.
class MeasureLock {
 public:
  /// Makes the files in `folder` where they are missing. Errors: io.
  static Result<std::unique_ptr<MeasureLock>> open(const std::filesystem::path& folder, const std::string& name);
  MeasureLock(const MeasureLock&) = delete;
  MeasureLock& operator=(const MeasureLock&) = delete;
  ~MeasureLock();

  enum class Use {
    time,  ///< alone
    work,  ///< with others that work, while nobody times
  };
  void lock(Use use);
  void unlock();

 private:
  MeasureLock(int door, int room) : door_(door), room_(room) {}
  int door_ = -1;
  int room_ = -1;
};

/// The lock's name for a device on this machine: "measure-<host>-cuda-0". A launcher that shows each process a GPU of
/// its own as number 0 (CUDA_VISIBLE_DEVICES) is told apart by `visible`, that variable's text.
std::string measure_lock_name(const Device& device, const std::string& visible);

using RunnerMaker = std::function<Result<std::unique_ptr<Runner>>(Context&, const Problem&)>;

/// Runners that time alone: while one takes a sample no process with the same lock takes another or runs anything on
/// the device. Checking a candidate is work on the device, and on a CPU so is compiling: a compiler on the cores that
/// are being timed makes every time wrong. For a GPU, compiling overlaps with the times of others. Where the lock
/// cannot be had (a read-only folder) `console`, which must outlive the runners, is told once and nobody waits.
RunnerMaker take_turns(RunnerMaker inner, const std::filesystem::path& folder, const Console& console);

}  // namespace fftconv::tools
