// What can be read of this machine's state beside a timed launch. Tests script it.
#pragma once

#include <functional>

namespace fftconv {

/// What became of the calling thread, up to now.
struct ThreadUse {
  long preempted = 0;  ///< times that the system took the processor from it while it had work
  double busy_s = 0;   ///< seconds that it ran
};

struct ProcessorClock {
  double hz = 0;          ///< now, of the processor that the calling thread is on; 0 = unknown
  double nominal_hz = 0;  ///< what it is sold for, without turbo; 0 = unknown
};

struct HostReadings {
  std::function<ThreadUse()> thread_use;
  std::function<ProcessorClock()> clock;  ///< may take some 20 us
};

/// Of this machine, by getrusage() and CLOCK_THREAD_CPUTIME_ID, and by a timed loop. The nominal clock is the rate of
/// the time-stamp counter; elsewhere than on x86-64 it is unknown.
HostReadings real_host_readings();

}  // namespace fftconv
