// Environment: everything outside the problem and the candidate that a measurement depends on.
#pragma once

#include <string>

namespace fftconv {

struct Environment {
  std::string device;  ///< DeviceFacts::name
  std::string kind;    ///< "cuda", "cpu", "sim", "fake"
  std::string arch;    ///< "sm_90a", "x86-64-avx512"
  int sm_count = 0;    ///< DeviceFacts::sm_count: what one thread measured says nothing of two
  long long l2_bytes = 0;
  std::string driver;            ///< driver version; for a CPU the operating system's
  std::string compiler;          ///< e.g. "nvrtc 13.0", "clang 19.1.7"
  std::string generator_digest;  ///< fftconv::generator_digest()
  std::string policy;            ///< MeasurePolicy as text, e.g. "cold"

  bool operator==(const Environment&) const = default;
};

/// Canonical text of all fields; equal texts mean equal environments. Never depends on the locale.
std::string to_string(const Environment& environment);

}  // namespace fftconv
