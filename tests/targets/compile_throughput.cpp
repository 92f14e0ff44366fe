// How much more two worker processes compile than one, in the same time, on the CPU device.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "fftconv/plan.h"
#include "fftconv/search_space.h"
#include "fftconv/worker.h"
#include "target.h"

namespace {

using namespace fftconv;

constexpr int kCandidates = 12;
constexpr int kRounds = 5;

/// Seconds for all candidates with `workers` processes that are up already; nothing is cached. An error where a
/// candidate did not compile or is wrong: what fails may fail fast.
Result<double> seconds_for(const std::shared_ptr<WorkerPool>& pool, const std::shared_ptr<Device>& device,
                           const Problem& problem, const std::vector<KernelConfig>& configs, int workers) {
  const auto context = Context::create(device, {.use_disk = false}).value();
  const auto runner = make_worker_runner(pool, *context, problem, {}).value();
  std::atomic<std::size_t> next{0};
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < workers; ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < configs.size(); at = next++) runner->compile(configs[at]);
      });
    }
  }
  const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const KernelConfig& config : configs) {
    const Result<Measurement> checked = runner->prepare(config);
    if (!checked) return checked.error();
    if (checked->status != TrialStatus::measured) {
      return Error{ErrorCode::compile_failed,
                   fmt::format("{}: {}: {}", to_string(config), to_string(checked->status), checked->reason)};
    }
    runner->release(config);
  }
  return taken;
}

}  // namespace

int main() {
  const auto device = open_cpu_device();
  const auto pool = make_worker_pool();
  if (!device || !pool) {
    fmt::print(stderr, "compile_throughput: {}\n", device ? pool.error().message : device.error().message);
    return 2;
  }
  const Problem problem{.seqlen = 4096, .filter_len = 4096, .batch = 2, .channels = 4};
  std::vector<KernelConfig> configs = search_space(problem, (*device)->facts()).configs;
  for (std::size_t i = 1; i < kCandidates; ++i) configs[i] = configs[i * configs.size() / kCandidates];
  configs.resize(kCandidates);
  std::vector<double> seconds;
  // The first time is of no account: both processes come up.
  for (int i = 0; i <= 2 * kRounds; ++i) {
    const Result<double> taken = seconds_for(*pool, *device, problem, configs, i % 2 == 1 ? 1 : 2);
    if (!taken) {
      fmt::print(stderr, "compile_throughput: {}\n", taken.error().message);
      return 2;
    }
    seconds.push_back(*taken);
  }
  std::vector<double> ratios;
  for (std::size_t i = 1; i < seconds.size(); i += 2) ratios.push_back(seconds[i] / seconds[i + 1]);
  std::sort(ratios.begin(), ratios.end());
  const bool met = targets::report("compile throughput, two workers over one", ratios[kRounds / 2],
                                   targets::Goal::at_least, 1.8, "1", "CPU candidates of causal L 4096, median of 5");
  return met ? 0 : 1;
}
