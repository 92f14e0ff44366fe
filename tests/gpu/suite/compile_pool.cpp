#include "suite/compile_pool.h"

#include <algorithm>
#include <thread>

namespace fftconv::gpu_suite {

std::size_t worker_count() { return std::max(1u, std::thread::hardware_concurrency()); }

std::vector<Candidate> compile(Device& device, const DeviceFacts& facts, const Problem& problem,
                               const std::vector<KernelConfig>& configs, std::size_t workers) {
  std::vector<Candidate> candidates(configs.size());
  in_parallel(configs.size(), std::min(configs.size(), workers), [&](std::size_t i) {
    Candidate& candidate = candidates[i];
    candidate.config = configs[i];
    auto source = emit(problem, configs[i], facts);
    if (!source) {
      candidate.reason = source.error().message;
      return;
    }
    candidate.source = std::move(*source);
    auto compiled = device.compile(candidate.source);
    if (!compiled) {
      candidate.reason = compiled.error().message;
      return;
    }
    candidate.compiled = std::move(*compiled);
  });
  return candidates;
}

void load(Device& device, std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates) {
    if (!candidate.reason.empty()) continue;
    auto loaded = device.load(candidate.source, candidate.compiled);
    if (loaded) {
      candidate.loaded = std::move(*loaded);
    } else {
      candidate.reason = loaded.error().message;
    }
  }
}

}  // namespace fftconv::gpu_suite
