#include "cpu/sample_watch.h"

#include <algorithm>

namespace fftconv {
namespace {

constexpr double kLostShare = 0.05;  ///< of a sample's time; less does not change who wins
constexpr double kLongest = 0.01;    ///< seconds; what the scheduler does to longer launches averages out
constexpr double kSlowBelow = 0.8;   ///< turbo alone stays above it on most processors
constexpr int kThirdsEarned = 1, kThirdsOfOne = 3;

}  // namespace

bool SampleWatch::preempted(const ThreadUse& after, double seconds) const {
  if (seconds > kLongest) return false;
  // A thread that waits for its team does not run either: that alone is no preemption.
  return after.preempted > before_.preempted && seconds - (after.busy_s - before_.busy_s) > kLostShare * seconds;
}

bool SampleWatch::slow(const ProcessorClock& clock) {
  if (clock.hz == 0) return false;
  best_clock_hz_ = std::max(best_clock_hz_, clock.hz);
  return clock.hz < kSlowBelow * std::max(best_clock_hz_, clock.nominal_hz);
}

Sample SampleWatch::end(double seconds) {
  const ThreadUse after = readings_.thread_use();
  const ProcessorClock clock = readings_.clock();
  const bool low = slow(clock);
  Sample sample{.seconds = seconds, .clock_hz = clock.hz};
  if (!low && !preempted(after, seconds)) {
    credit_thirds_ = std::min(credit_thirds_ + kThirdsEarned, kMostThirds);
  } else if (credit_thirds_ >= kThirdsOfOne) {
    credit_thirds_ -= kThirdsOfOne;
    sample.throttled = true;
  }
  return sample;
}

}  // namespace fftconv
