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

/// Seconds for all candidates with `workers` processes that are up already; nothing is cached.
double seconds_for(const std::shared_ptr<WorkerPool>& pool, const std::shared_ptr<Device>& device,
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
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
  seconds_for(*pool, *device, problem, configs, 2);  // both processes come up
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const double one = seconds_for(*pool, *device, problem, configs, 1);
    const double two = seconds_for(*pool, *device, problem, configs, 2);
    ratios.push_back(one / two);
  }
  std::sort(ratios.begin(), ratios.end());
  const bool met = targets::report("compile throughput, two workers over one", ratios[kRounds / 2],
                                   targets::Goal::at_least, 1.8, "1", "CPU candidates of causal L 4096, median of 5");
  return met ? 0 : 1;
}
