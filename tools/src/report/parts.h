// The parts of a device's section, each HTML from its heading on. `id` begins the ids of its elements ("d1").
#pragma once

#include <string>

#include "report/model.h"

namespace fftconv::tools {

std::string speed_part(const Section& section, const std::string& id, bool with_bench);
std::string contest_part(const Section& section, const std::string& id);
std::string prediction_part(const Section& section, const std::string& id);
std::string search_part(const Section& section, const std::string& id);
std::string error_part(const Section& section, const std::string& id);
std::string failure_part(const Section& section, const std::string& id);

/// Tables above this are folded.
inline constexpr std::size_t open_rows = 16;

/// A heading with an id that the table of contents points to.
std::string heading(const std::string& id, const std::string& text);
std::string figure(const std::string& content, const std::string& caption);
/// In monospace: problems, kernels.
std::string code(const std::string& text);
/// "UTC" to the minute; "-" for 0.
std::string date_text(std::int64_t unix_time);
/// "+4.2 %"
std::string percent_text(double share);

}  // namespace fftconv::tools
