// The search space of the fused family, and its plain default.
#include <fmt/format.h>

#include "backend.h"
#include "cuda/layout.h"
#include "fftconv/search_space.h"

namespace fftconv::cuda {
namespace {

std::vector<Engine> engines_of(Precision precision) {
  switch (precision) {
    case Precision::f16:
      return {Engine::mma_f16, Engine::mma_f16f32};
    case Precision::bf16:
      return {Engine::mma_bf16};
    case Precision::f64:
      return {};
    case Precision::f32:
      break;
  }
  return {Engine::mma_split};
}

/// (rows in flight, warps of a row) worth trying for a transform of `slabs` slabs.
std::vector<std::pair<int, int>> block_shapes(int order, int slabs) {
  if (order == 2) return {{1, 1}, {2, 1}, {4, 1}, {8, 1}};
  std::vector<std::pair<int, int>> shapes;
  for (const int warps : {1, 2, 4, 8, 16}) {
    if (warps > slabs) break;
    for (const int rows : {1, 2, 4, 8}) {
      const int total = rows * warps;
      if (total >= 4 && total <= 16) shapes.emplace_back(rows, warps);
    }
  }
  if (shapes.empty()) shapes.emplace_back(1, std::max(1, slabs / 2));
  return shapes;
}

/// Parts of the batch for blocks of their own where channels alone are too few for all multiprocessors.
std::vector<int> loops_of(const Problem& problem, const DeviceFacts& device, int rows) {
  const bool few = problem.channels < 4 * device.sm_count && problem.batch > rows;
  return few ? std::vector<int>{0, 1, 4} : std::vector<int>{0};
}

/// Below this, every architecture holds a row's spectrum in shared memory in every engine.
constexpr std::int64_t shortest_for_residues = 4096;

void add_residue_candidates(const Problem& problem, const DeviceFacts& device, std::vector<KernelConfig>& configs) {
  if (problem.seqlen <= shortest_for_residues) return;
  for (const std::vector<int>& radices : factorisations(problem.seqlen, 4)) {
    KernelConfig base;
    base.strategy = Strategy::l2;
    base.radices = radices;
    for (const Engine engine : engines_of(problem.precision)) {
      base.engine = engine;
      for (const int warps : {4, 8, 16}) {
        base.warps = warps;
        for (const int loop : loops_of(problem, device, 1)) {
          base.loop = loop;
          configs.push_back(base);
        }
      }
    }
  }
}

}  // namespace

std::vector<KernelConfig> candidates(const Problem& problem, const DeviceFacts& device) {
  std::vector<KernelConfig> configs;
  for (int order = 2; order <= 4; ++order) {
    for (const std::vector<int>& radices : factorisations(problem.seqlen, order)) {
      KernelConfig base;
      base.radices = radices;
      const bool exact = transform_length(base) == problem.seqlen && problem.mode == Mode::circular;
      for (const Engine engine : engines_of(problem.precision)) {
        base.engine = engine;
        for (const bool paired : {false, true}) {
          if (paired && !exact) continue;
          base.paired = paired;
          const Layout layout = make_layout(problem, base);
          for (const auto& [rows, warps] : block_shapes(order, layout.slabs)) {
            base.rows = rows;
            base.warps = warps;
            for (const int depth : {1, 2}) {
              base.depth = depth;
              for (const int loop : loops_of(problem, device, rows)) {
                base.loop = loop;
                for (const auto& [filter, twiddle] : {std::pair{Residency::memory, Residency::memory},
                                                      std::pair{Residency::registers, Residency::memory},
                                                      std::pair{Residency::registers, Residency::registers}}) {
                  base.filter = filter;
                  base.twiddle = twiddle;
                  const bool kept = filter == Residency::registers;
                  if (kept && (!layout.resident_slabs || layout.slabs % warps != 0 || layout.slabs / warps > 4))
                    continue;
                  configs.push_back(base);
                }
              }
            }
          }
        }
      }
    }
  }
  add_residue_candidates(problem, device, configs);
  return configs;
}

Result<KernelConfig> default_config(const Problem& problem, const DeviceFacts& device) {
  // The first legal one with the shortest transform, lowest order, all constants in memory, one slot, one row: the
  // plainest kernel there is. What refuses it is worth telling.
  Result<void> refusal =
      unsupported(fmt::format("no transform length of the fused family reaches {}", problem.seqlen));
  for (const Strategy strategy : {Strategy::fused, Strategy::l2}) {
    for (int order = strategy == Strategy::fused ? 2 : 4; order <= 4; ++order) {
      for (const std::vector<int>& radices : factorisations(problem.seqlen, order)) {
        KernelConfig config;
        config.radices = radices;
        config.strategy = strategy;
        config.engine = engines_of(problem.precision).back();
        const int slabs = make_layout(problem, config).slabs;
        config.warps = order == 2 ? 1 : slabs >= 8 ? 8 : slabs >= 4 ? 4 : slabs;
        Result<void> legal = cuda::check_legal(problem, config, device);
        if (legal) return config;
        refusal = legal;
      }
    }
  }
  return refusal.error();
}

}  // namespace fftconv::cuda
