#include "suite/compile_only.h"

#include <fmt/format.h>

#include <chrono>
#include <mutex>
#include <set>

#include "fftconv/nvrtc.h"
#include "suite/compile_pool.h"

namespace fftconv::gpu_suite {

int compile_all(const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const auto version = nvrtc_version();
  if (!version) {
    fmt::print(stderr, "{}\n", version.error().message);
    return 2;
  }
  const auto facts = facts_of_arch(options.arch);
  if (!facts) {
    fmt::print(stderr, "{}\n", facts.error().message);
    return 2;
  }
  Records records(options.out, "compile");
  std::mutex mutex;
  int compiled = 0, failed = 0, spilled = 0, left = 0, most_registers = 0;
  for (const auto& section : make_sections(options)) {
    if (!options.section.empty() && section->name() != options.section) continue;
    std::vector<NamedSource> sources;
    for (NamedSource& named : section->sources(*facts)) {
      if (named.name.find(options.only) != std::string::npos) sources.push_back(std::move(named));
    }
    std::set<std::string> seen;
    in_parallel(sources.size(), worker_count(), [&](std::size_t i) {
      if (elapsed() > options.budget_s) {
        const std::lock_guard lock(mutex);
        ++left;
        return;
      }
      const auto source = sources[i].source();
      if (source) {
        const std::lock_guard lock(mutex);
        if (!seen.insert(source->text).second) return;
      }
      const Result<CompiledKernel> kernel =
          source ? nvrtc_compile(*source, options.arch, BinaryFormat::cubin) : source.error();
      const std::lock_guard lock(mutex);
      Json record = kernel ? Json{{"case", sources[i].name},        {"status", "ok"},
                                  {"registers", kernel->registers}, {"spill_bytes", kernel->spill_bytes},
                                  {"compile_s", kernel->compile_s}, {"cubin_bytes", kernel->binary.size()}}
                           : failure(sources[i].name, "failed", kernel.error().message);
      record["section"] = section->name();
      if (auto written = records.end(record); !written) fmt::print(stderr, "{}\n", written.error().message);
      ++compiled;
      if (!kernel) {
        ++failed;
        fmt::print("{}: {}\n", sources[i].name, kernel.error().message);
        return;
      }
      most_registers = std::max(most_registers, kernel->registers);
      if (kernel->spill_bytes > 0) {
        ++spilled;
        fmt::print("{}: spills {} bytes with {} registers\n", sources[i].name, kernel->spill_bytes,
                   kernel->registers);
      }
    });
    fmt::print("[{:.0f} s] {}: {} candidates\n", elapsed(), section->name(), sources.size());
  }
  fmt::print(
      "NVRTC {} for {}: {} kernels compiled, {} failed, {} spill, {} left out by the budget; at most {} registers; "
      "see {}\n",
      *version, options.arch, compiled, failed, spilled, left, most_registers, records.file().string());
  return failed == 0 && compiled > 0 ? 0 : 1;
}

}  // namespace fftconv::gpu_suite
