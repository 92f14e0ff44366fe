#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "fftconv/settings.h"
#include "suite/child.h"
#include "suite/compile_only.h"
#include "suite/supervisor.h"

using namespace fftconv;
using namespace fftconv::gpu_suite;

namespace {

int list(const Options& options) {
  for (const auto& section : make_sections(options)) {
    if (!options.section.empty() && section->name() != options.section) continue;
    for (const std::string& name : chosen_cases(*section, options)) fmt::print("{}: {}\n", section->name(), name);
  }
  return 0;
}

int run(const Options& options) {
  const auto sections = make_sections(options);
  const auto named = std::find_if(sections.begin(), sections.end(),
                                  [&](const auto& section) { return section->name() == options.section; });
  if (!options.section.empty() && named == sections.end()) {
    fmt::print(stderr, "There is no section '{}': see --help.\n", options.section);
    return 2;
  }
  if (options.list) return list(options);
  if (options.child) return run_child(**named, options);

  std::error_code error;
  if (options.fresh) {  // only what the suite itself wrote
    for (const char* name : {"facts.jsonl", "ceilings.jsonl", "lanes.jsonl", "correctness.jsonl", "sweep.jsonl",
                             "compile.jsonl", "trials.jsonl", "results.json", "table.txt"}) {
      std::filesystem::remove(options.out / name, error);
    }
  }
  std::filesystem::create_directories(options.out, error);
  if (error) {
    fmt::print(stderr, "Cannot make {} ({}): give another --out.\n", options.out.string(), error.message());
    return 2;
  }
  if (options.compile_only) return compile_all(options);
  return run_sections(std::filesystem::read_symlink("/proc/self/exe").string(), options);
}

}  // namespace

int main(int count, char** values) {
  const auto options = parse_options({values + 1, values + count});
  if (!options) {
    fmt::print(stderr, "{}\n", options.error().message);
    return 2;
  }
  if (options->help) {
    fmt::print("{}", usage());
    return 0;
  }
  if (options->child && options->section.empty()) {
    fmt::print(stderr, "--child needs --section.\n");
    return 2;
  }
  if (!options->nvrtc.empty()) {
    Settings settings = fftconv::settings();
    settings.nvrtc = options->nvrtc;
    set_settings(settings);
  }
  return run(*options);
}
