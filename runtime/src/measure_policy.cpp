#include <chrono>

#include "fftconv/measure.h"

namespace fftconv {

std::string to_string(const MeasurePolicy& policy) { return policy.cold ? "cold" : "hot"; }

Clock monotonic_clock() {
  return [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
}

}  // namespace fftconv
