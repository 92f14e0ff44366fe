#include "suite/child.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <set>

namespace fftconv::gpu_suite {

int run_child(Section& section, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto elapsed = [&](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  auto gpu = Gpu::open(options.out);
  if (!gpu) {
    fmt::print(stderr, "{}\n", gpu.error().message);
    return 2;
  }
  Records records(options.out, section.name());
  std::set<std::string> done;
  for (const Json& record : records.read()) done.insert(record["case"].get<std::string>());
  const std::vector<std::string> cases = chosen_cases(section, options);
  double last_case_s = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (done.count(cases[i])) continue;
    if (elapsed(start) + last_case_s > options.budget_s) break;  // one as long as the last would be cut off
    if (auto begun = records.begin(cases[i]); !begun) {
      fmt::print(stderr, "{}\n", begun.error().message);
      return 2;
    }
    const auto begin = Clock::now();
    Json record = section.run(*gpu, cases[i]);
    last_case_s = elapsed(begin);
    record["wall_s"] = last_case_s;
    const bool alive = gpu->alive();
    if (!alive) record["device_lost"] = true;
    if (auto ended = records.end(record); !ended) {
      fmt::print(stderr, "{}\n", ended.error().message);
      return 2;
    }
    const std::string reason = is_bad(record) ? record.value("reason", "see the record") : "";
    fmt::print("[{} {}/{}] {}: {} ({:.1f} s) {}\n", section.name(), i + 1, cases.size(), cases[i],
               record.value("status", ""), last_case_s, reason);
    std::fflush(stdout);
    if (!alive) return kExitDeviceLost;
  }
  return 0;
}

}  // namespace fftconv::gpu_suite
