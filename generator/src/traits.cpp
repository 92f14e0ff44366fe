#include <algorithm>
#include <cmath>

#include "backend_of.h"
#include "fftconv/calibration.h"
#include "fftconv/kernel_counts.h"

namespace fftconv {
namespace {

double log_of(double amount) { return std::log(std::max(amount, 1.0)); }

/// How far `bytes` go beyond a memory of `capacity`, in factors of e; 0 where they fit.
double beyond(double bytes, double capacity) { return capacity > 0 ? std::max(0.0, std::log(bytes / capacity)) : 0; }

double count_of(const KernelConfig& config, std::initializer_list<int> radices, std::size_t first, std::size_t last) {
  double found = 0;
  for (std::size_t i = first; i < last; ++i) {
    found += std::find(radices.begin(), radices.end(), config.radices[i]) != radices.end();
  }
  return found;
}

}  // namespace

std::vector<double> candidate_traits(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  const KernelCounts counts = count(problem, config, device);
  const double samples = static_cast<double>(problem.batch) * static_cast<double>(problem.channels * problem.seqlen);
  const double size = std::log2(static_cast<double>(problem.seqlen)) / 10;
  const double scratch = static_cast<double>(counts.shared_per_block);
  const auto is = [](bool truth) { return truth ? 1.0 : 0.0; };
  std::vector<double> traits{
      log_of(counts.instructions / samples),
      log_of(counts.flops / samples),
      log_of(counts.shared_bytes / samples),
      log_of(counts.memory_bytes / samples),
      log_of(counts.l2_bytes / samples),
      static_cast<double>(config.radices.size()) / 2,
      std::log(static_cast<double>(transform_length(config)) / static_cast<double>(problem.seqlen)),
      std::log2(static_cast<double>(config.rows)) / 2,
      is(config.rows > 1),
      is(config.paired),
      is(config.paired) * size,
      is(config.rows > 1) * size,
  };
  const auto add = [&](std::initializer_list<double> more) { traits.insert(traits.end(), more); };
  if (is_cuda(config)) {
    const double warps = std::log2(static_cast<double>(config.warps));
    add({log_of(counts.mma / samples), warps / 2, warps * warps / 4, is(config.loop > 0),
         std::log2(1.0 + config.loop) / 4, config.depth / 2.0, is(config.depth > 1),
         is(config.filter == Residency::registers), is(config.twiddle == Residency::registers),
         is(config.engine == Engine::mma_f16), is(config.strategy == Strategy::l2),
         is(config.compiler == CompilerId::clang), std::log2(static_cast<double>(config.radices.front())) / 4,
         beyond(scratch * 2, static_cast<double>(device.shared_per_sm)), beyond(counts.registers * 1.0, 128),
         counts.registers / 128.0});
    return traits;
  }
  const int columns = config.lanes / std::max(1, config.rows);
  const double vectors = static_cast<double>(config.radices.back()) / columns;  // of a leaf
  const bool computed = config.twiddle == Residency::registers;
  const double in_flight = vectors * config.interleave;
  const std::size_t outer = config.radices.size() - 1;
  const double io = samples * static_cast<double>(size_of(problem.io)) * 2;
  const double past_caches = beyond(io, static_cast<double>(device.l2_bytes) / 2);
  add({is(config.lanes == 8),
       is(config.lanes == 4),
       is(config.rows >= config.lanes),
       is(config.interleave == 2),
       is(config.interleave == 4),
       is(config.interleave == 2) * size,
       is(vectors >= 8),
       is(vectors >= 8) * is(config.interleave >= 2),
       is(in_flight >= 16),
       is(config.interleave >= 2) * is(config.lanes < 16),
       is(config.streaming),
       is(config.streaming) * size,
       is(config.streaming) * past_caches,
       is(config.streaming) * is(config.paired),
       is(config.streaming) * is(config.lanes < 16),
       is(config.streaming) * is(problem.seqlen % config.lanes != 0),
       is(config.streaming) * is(outer > 0 && config.radices[0] % 2 == 1),
       is(computed),
       is(computed) * size,
       is(computed) * is(vectors >= 8),
       is(computed) * is(config.interleave >= 2),
       beyond(scratch, static_cast<double>(device.shared_per_sm)),
       beyond(scratch, static_cast<double>(device.shared_per_block)),
       count_of(config, {8}, 0, outer) / 2,
       count_of(config, {2}, 0, outer),
       count_of(config, {3, 5, 7}, 0, outer) / 2,
       count_of(config, {7}, 0, outer),
       outer > 0 ? is(config.radices[0] == 8) : 0,
       outer > 0 ? is(config.radices[0] == 8) * size : 0,
       outer > 0 ? is(config.radices[0] == 2) : 0,
       outer > 0 ? is(config.radices[0] % 2 == 1) : 0,
       outer > 1 ? is(config.radices[outer - 1] == 8) : 0,
       outer > 1 ? is(config.radices[outer - 1] == 2) : 0,
       outer > 1 ? is(config.radices[outer - 1] % 2 == 1) : 0,
       is(outer == 0)});
  return traits;
}

}  // namespace fftconv
