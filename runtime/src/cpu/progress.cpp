#include "cpu/progress.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fftconv {
namespace {

/// Some ten microseconds: passes end about together, and to sleep and be woken takes longer.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void Progress::wait_for(std::int64_t count) const {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (ended_.load(std::memory_order_acquire) >= count) return;
    pause();
  }
  for (int ended = ended_.load(std::memory_order_acquire); ended < count;
       ended = ended_.load(std::memory_order_acquire)) {
    ended_.wait(ended, std::memory_order_acquire);
  }
}

void Progress::finish(std::int64_t end) {
  if (ended_.fetch_add(1, std::memory_order_acq_rel) + 1 == end) ended_.notify_all();
}

}  // namespace fftconv
