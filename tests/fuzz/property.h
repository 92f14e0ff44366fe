// What a fuzzer says when a property does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fftconv::fuzz {

/// Ends the process, as libFuzzer and the replay both take for a finding.
inline void require(bool holds, const char* property, std::string_view input) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\ninput of %zu bytes: %.*s\n", property, input.size(),
               static_cast<int>(input.size()), input.data());
  std::abort();
}

/// A message fit for a terminal: one line, cut, no control characters.
inline bool is_clean(std::string_view message) {
  if (message.empty() || message.size() > 1000) return false;
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
  }
  return true;
}

}  // namespace fftconv::fuzz
