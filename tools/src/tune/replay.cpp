// replay: tunes the problems that an application was seen to run.
#include <fmt/format.h>

#include "fftconv/capture.h"
#include "tune/commands.h"
#include "tune/sweep.h"

namespace fftconv::tools {

Result<std::vector<Problem>> problems_to_tune(const TuneOptions& options, const DeviceFacts& facts) {
  if (options.capture.empty()) return expand(options.problems, default_precision(facts));
  const auto captured = read_capture(options.capture);
  if (!captured) return invalid(captured.error().message);  // the command line named it
  if (captured->empty()) {
    return invalid(fmt::format("{} has no problems: run the application with FFTCONV_CAPTURE={}", options.capture,
                               options.capture));
  }
  std::vector<Problem> problems;
  for (const CapturedProblem& each : *captured) problems.push_back(each.problem);
  return problems;
}

int replay(const TuneOptions& options, const Console& console) {
  // A file that cannot be used is told before a device is opened.
  if (const auto problems = problems_to_tune(options, {}); !problems) return console.fail(problems.error());
  return sweep(options, console);
}

}  // namespace fftconv::tools
