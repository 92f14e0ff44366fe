#include "console.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

namespace fftconv::tools {

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::unsupported:
    case ErrorCode::io:
    case ErrorCode::damaged:
    case ErrorCode::dependency_missing:
    case ErrorCode::device_missing:
    case ErrorCode::busy:
      return 2;
    case ErrorCode::not_found:
    case ErrorCode::compile_failed:
    case ErrorCode::launch_failed:
    case ErrorCode::out_of_memory:
    case ErrorCode::timeout:
    case ErrorCode::wrong_result:
    case ErrorCode::crashed:
    case ErrorCode::internal:
      break;
  }
  return 1;
}

std::string one_line(const std::string& message) {
  std::string line;
  for (const char c : message) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

int Console::fail(const Error& error) const {
  note("error: " + error.message);
  return exit_status(error.code);
}

void Console::note(const std::string& message) const {
  const std::string line = fmt::format("{}: {}\n", tool_, one_line(message));
  std::fwrite(line.data(), 1, line.size(), stderr);  // nowhere to report a failure to
}

Result<void> Console::print(const std::string& text) const {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return Error{ErrorCode::io, fmt::format("writing to standard output: {}", std::strerror(errno))};
  }
  return {};
}

int run_tool(const std::string& tool, const std::function<int(const Console&)>& body) {
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const Console console(tool);
  try {
    return body(console);
  } catch (const std::bad_alloc&) {
    return console.fail({ErrorCode::out_of_memory, "there is not enough memory for this; use smaller inputs"});
  } catch (const std::exception& error) {
    return console.fail({ErrorCode::internal, fmt::format("internal error, please report it: {}", error.what())});
  }
}

}  // namespace fftconv::tools
