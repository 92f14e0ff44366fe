// Programs that are started and waited for: no shell, no input, bounded time and output.
#pragma once

#include <string>
#include <vector>

#include "fftconv/result.h"

namespace fftconv {

/// What a program left when it had ended.
struct ProgramEnd {
  int status = 0;      ///< exit status, -1 where a signal ended it
  std::string how;     ///< "ended with status 1"
  std::string output;  ///< stdout and stderr, the first 64 KiB
};

/// Whether `path` may be started as a program: absolute, a regular file that can be executed, and neither it nor its
/// folder may be written by others than its owner and root. Errors: invalid_argument.
Result<void> check_program(const std::string& path);

/// Runs arguments[0] with `arguments` in a process group of its own; what is left of the group after `seconds` is
/// ended. Errors: io where it does not start, timeout.
Result<ProgramEnd> run_program(const std::vector<std::string>& arguments, double seconds);

}  // namespace fftconv
