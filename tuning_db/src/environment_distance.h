// How near two environments are, for taking what one measured for the other.
#pragma once

#include "fftconv/environment.h"

namespace fftconv {

/// The same device, under whatever driver, compiler, generator and policy. Threads of a CPU are its sm_count.
inline bool same_device(const Environment& a, const Environment& b) {
  return a.device == b.device && a.kind == b.kind && a.arch == b.arch && a.sm_count == b.sm_count &&
         a.l2_bytes == b.l2_bytes;
}

/// How much two environments of one device differ; what moves a winner most weighs most.
inline int difference(const Environment& a, const Environment& b) {
  return 8 * (a.policy != b.policy) + 4 * (a.generator_digest != b.generator_digest) +
         2 * (a.compiler != b.compiler) + (a.driver != b.driver);
}

}  // namespace fftconv
