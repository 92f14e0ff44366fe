#include "cpu/host_readings.h"

#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace fftconv {
namespace {

ThreadUse read_thread_use() {
  ThreadUse use;
  rusage usage{};
  if (getrusage(RUSAGE_THREAD, &usage) == 0) use.preempted = usage.ru_nivcsw;
  timespec busy{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &busy) == 0) {
    use.busy_s = static_cast<double>(busy.tv_sec) + 1e-9 * static_cast<double>(busy.tv_nsec);
  }
  return use;
}

std::uint64_t time_stamp() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;
#endif
}

constexpr int kClockSteps = 20'000;

// Each step waits for the one before it: one a clock, whatever shares the core. Additions of constants would not do:
// some processors fold them while they rename registers.
void run_steps() {
  std::uint64_t x = 1;
  const std::uint64_t y = 2;
  for (int i = 0; i < kClockSteps; i += 8) {
#if defined(__x86_64__)
    asm volatile(
        "xor %1, %0\n xor %1, %0\n xor %1, %0\n xor %1, %0\n"
        "xor %1, %0\n xor %1, %0\n xor %1, %0\n xor %1, %0"
        : "+r"(x)
        : "r"(y));
#else
    asm volatile(
        "eor %0, %0, %1\n eor %0, %0, %1\n eor %0, %0, %1\n eor %0, %0, %1\n"
        "eor %0, %0, %1\n eor %0, %0, %1\n eor %0, %0, %1\n eor %0, %0, %1"
        : "+r"(x)
        : "r"(y));
#endif
  }
}

// The fastest of three: one that was interrupted tells nothing of the clock.
ProcessorClock read_clock() {
  using Clock = std::chrono::steady_clock;
  ProcessorClock clock;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto begin = Clock::now();
    const std::uint64_t first = time_stamp();
    run_steps();
    const std::uint64_t last = time_stamp();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (kClockSteps <= clock.hz * seconds) continue;
    clock.hz = kClockSteps / seconds;
    clock.nominal_hz = static_cast<double>(last - first) / seconds;
  }
  return clock;
}

}  // namespace

HostReadings real_host_readings() { return {read_thread_use, read_clock}; }

}  // namespace fftconv
