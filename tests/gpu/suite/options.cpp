#include "suite/options.h"

#include <fmt/format.h>

#include <charconv>

namespace fftconv::gpu_suite {

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    const auto flag = [&](const char* text, bool& value) {
      if (name != text) return false;
      value = true;
      return true;
    };
    if (flag("--list", options.list) || flag("--compile-only", options.compile_only) ||
        flag("--fresh", options.fresh) || flag("--child", options.child) || flag("--help", options.help)) {
      continue;
    }
    const bool takes_value = name == "--out" || name == "--budget" || name == "--section" || name == "--only" ||
                             name == "--arch" || name == "--nvrtc" || name == "--cufft";
    if (!takes_value) return invalid(fmt::format("Unknown option '{}': see --help.", name));
    if (i + 1 == arguments.size()) return invalid(fmt::format("{} needs a value: see --help.", name));
    const std::string& value = arguments[++i];
    if (name == "--out") options.out = value;
    if (name == "--section") options.section = value;
    if (name == "--only") options.only = value;
    if (name == "--arch") options.arch = value;
    if (name == "--nvrtc") options.nvrtc = value;
    if (name == "--cufft") options.cufft = value;
    if (name == "--budget") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.budget_s);
      if (error != std::errc{} || end != value.data() + value.size() || !(options.budget_s > 0)) {
        return invalid(fmt::format("--budget '{}' is no number of seconds above 0.", value));
      }
    }
  }
  return options;
}

const char* usage() {
  return "fftconv-gpu-suite: measures and checks fftconv on the GPU of this machine, without a network\n"
         "  --out DIR          where results go (default gpu-suite-results); a second run takes up where one ended\n"
         "  --budget SECONDS   for the whole run (default 450)\n"
         "  --section NAME     only this section: facts, ceilings, lanes, correctness, sweep\n"
         "  --only TEXT        only the cases whose name contains TEXT\n"
         "  --fresh            forget the results that DIR holds\n"
         "  --list             print the cases and stop\n"
         "  --compile-only     compile every kernel of the suite (no GPU needed), report registers and spills\n"
         "  --arch sm_XX       the architecture for --compile-only (default sm_90a)\n"
         "  --nvrtc FILE       libnvrtc, --cufft FILE  libcufft; searched for where not given\n"
         "Exit status: 0 all well, 1 something was wrong, 2 no GPU or bad usage.\n";
}

}  // namespace fftconv::gpu_suite
