// Captured problems: which convolutions an application asked for and how often it ran each, kept in a text file for
// tuning them later (`fftconv-tune replay`). As in kernel_launcher, what is tuned is what runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/problem.h"

namespace fftconv {

struct CapturedProblem {
  Problem problem;
  std::uint64_t executions = 0;  ///< calls of execute(); the replays of a CUDA graph are not seen
  std::uint64_t requests = 0;    ///< calls of plan() and plan_async()
  bool operator==(const CapturedProblem&) const = default;
};

/// The file's text: a first line that names the format, then a line "<executions> <requests> <problem>" for each
/// problem, most used first (ties by requests, then by text).
std::string capture_text(std::vector<CapturedProblem> problems);
/// Empty lines and lines that begin with # are passed over; counts of a problem that occurs twice are added. Most
/// used first. Errors: damaged, with the number of the line.
Result<std::vector<CapturedProblem>> parse_capture(std::string_view text);

/// Errors: io where the file cannot be read, damaged as above.
Result<std::vector<CapturedProblem>> read_capture(const std::filesystem::path& file);

/// Adds counts to a file, which is created where there is none (mode 0600). Several processes may add to one file:
/// they wait for each other up to `wait_ms`, and a reader sees the file before or after, never in between. A file of
/// another user, a symbolic link, one that others may write and one that is no capture are left as they are.
/// Errors: io, damaged, busy.
Result<void> add_to_capture(const std::filesystem::path& file, const std::vector<CapturedProblem>& more,
                            int wait_ms = 2000);

}  // namespace fftconv
