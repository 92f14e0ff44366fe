#include "sim/lane_math.h"

namespace fftconv::sim {
namespace generic {
namespace {
#include "sim/lane_math.inl"
}  // namespace
}  // namespace generic

const LaneMath& lane_math_generic() { return generic::table; }

const LaneMath& lane_math() {
  static const LaneMath* best = lane_math_avx2() ? lane_math_avx2() : &lane_math_generic();
  return *best;
}

}  // namespace fftconv::sim
