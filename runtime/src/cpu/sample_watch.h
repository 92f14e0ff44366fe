// Which samples of the CPU device tell of the machine's state more than of the kernel.
#pragma once

#include "cpu/host_readings.h"
#include "fftconv/device.h"

namespace fftconv {

/// A sample is disturbed where the system took the processor from the thread that launched it, and that cost more
/// than 5 % of its time (helpers of a team are not seen), unless it is longer than 10 ms: such a launch is
/// interrupted on any shared machine, and costs most to take again. It is, too, where the clock, read right after it,
/// is below 0.8 of the highest that this process has seen, or of the nominal one.
///
/// What is always so is the machine's own state and no disturbance: on a busy one every launch of some milliseconds
/// is preempted, and a clock may be held down for good. So calling a sample disturbed takes a credit, of which there
/// are six, and three undisturbed samples earn one: never more than six in a row, which is fewer than a race throws
/// away before it goes on, and in the long run no more than a quarter.
class SampleWatch {
 public:
  explicit SampleWatch(HostReadings readings) : readings_(std::move(readings)) {}

  /// Right before the timed launch, on the same thread as end().
  void begin() { before_ = readings_.thread_use(); }
  /// Right after it.
  Sample end(double seconds);

 private:
  bool preempted(const ThreadUse& after, double seconds) const;
  bool slow(const ProcessorClock& clock);

  static constexpr int kMostThirds = 18;  ///< six credits

  HostReadings readings_;
  ThreadUse before_;
  double best_clock_hz_ = 0;
  int credit_thirds_ = kMostThirds;
};

}  // namespace fftconv
