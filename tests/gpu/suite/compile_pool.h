// Compiles many kernels on all cores and hands them over in order.
#pragma once

#include <atomic>
#include <future>
#include <vector>

#include "fftconv/device.h"

namespace fftconv::gpu_suite {

/// One candidate of a problem, as far as it came.
struct Candidate {
  KernelConfig config;
  KernelSource source;
  CompiledKernel compiled;
  std::shared_ptr<const LoadedKernel> loaded;
  std::string reason;  ///< why it went no further, empty where it is loaded

  bool ready() const { return loaded != nullptr; }
};

/// Emits and compiles each config, on `workers` threads.
std::vector<Candidate> compile(Device& device, const DeviceFacts& facts, const Problem& problem,
                               const std::vector<KernelConfig>& configs, std::size_t workers);
/// Loads what compiled.
void load(Device& device, std::vector<Candidate>& candidates);

/// Calls work(i) for i < count on all cores.
template <class Work>
void in_parallel(std::size_t count, std::size_t workers, Work work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::future<void>> running;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    running.push_back(std::async(std::launch::async, [&] {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    }));
  }
  for (auto& one : running) one.get();
}

std::size_t worker_count();

}  // namespace fftconv::gpu_suite
