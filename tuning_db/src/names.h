// Texts for people and for rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fftconv/measurement.h"

namespace fftconv {

std::optional<TrialStatus> parse_status(std::string_view text);

/// "2026-11-24", UTC.
std::string date_text(std::int64_t unix_time);
/// Three digits and a unit: "1.83 ms", "912 us".
std::string time_text(double seconds);
/// Seconds since 1970.
std::int64_t unix_now();

}  // namespace fftconv
