// What a tool says and how it ends: answers on stdout, notes and the one sentence of a failure on stderr.
#pragma once

#include <functional>
#include <string>

#include "fftconv/result.h"

namespace fftconv::tools {

/// 2 where the request or the machine must change before it can work (bad input, a file that is not what it should
/// be, a full disk, a missing device or library); 1 where the work itself failed (a kernel, a comparison, a search).
int exit_status(ErrorCode code);

/// `message` on one line: control characters become spaces, so that a strange file name cannot break a log.
std::string one_line(const std::string& message);

class Console {
 public:
  explicit Console(std::string tool) : tool_(std::move(tool)) {}

  const std::string& tool() const { return tool_; }
  /// One line on stderr, "fftconv-run: error: <sentence>"; returns the exit status.
  int fail(const Error& error) const;
  /// One line on stderr, "fftconv-run: <sentence>".
  void note(const std::string& message) const;
  /// Writes `text` to stdout and flushes it. io where stdout is full or closed.
  Result<void> print(const std::string& text) const;

 private:
  std::string tool_;
};

/// Runs a tool: ignores SIGXFSZ and SIGPIPE (so that a full disk is an error and not a death), and turns what escapes
/// `body` into one sentence and status 1. Command lines that CLI11 refuses are `body`'s.
int run_tool(const std::string& tool, const std::function<int(const Console&)>& body);

}  // namespace fftconv::tools
