#include "fftconv/measurement.h"

#include <cstddef>
#include <iterator>

#include "names.h"

namespace fftconv {
namespace {

constexpr const char* names[] = {"measured",      "dropped",      "illegal",   "compile_failed",
                                 "launch_failed", "wrong_result", "timed_out", "crashed"};

}  // namespace

const char* to_string(TrialStatus status) {
  auto index = static_cast<std::size_t>(status);
  return index < std::size(names) ? names[index] : "unknown";
}

std::optional<TrialStatus> parse_status(std::string_view text) {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (text == names[i]) return static_cast<TrialStatus>(i);
  return std::nullopt;
}

}  // namespace fftconv
