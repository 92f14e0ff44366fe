// What a speed target reports: one JSON line on standard output, exit status 0 where it is met, 1 where it is missed.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace fftconv::targets {

enum class Goal { at_most, at_least };

/// Prints {"target", "value", "goal", "limit", "unit", "met", "note"}; returns whether the target is met.
/// `name` and `note` are plain text without quotes or backslashes.
inline bool report(std::string_view name, double value, Goal goal, double limit, std::string_view unit,
                   std::string_view note = {}) {
  const bool met = goal == Goal::at_most ? value <= limit : value >= limit;
  fmt::print(
      R"({{"target": "{}", "value": {:.4g}, "goal": "{}", "limit": {:.4g}, "unit": "{}", "met": {}, "note": "{}"}})"
      "\n",
      name, value, goal == Goal::at_most ? "at most" : "at least", limit, unit, met, note);
  return met;
}

}  // namespace fftconv::targets
