#include "fftconv/cost_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend_of.h"
#include "cost_terms.h"
#include "occupancy.h"

namespace fftconv {
namespace {

/// Time of `amount` at `rate`; an unknown rate (0) binds nothing.
double time_of(double amount, double rate) { return rate > 0 ? amount / rate : 0; }

double matrix_rate(Engine engine, const DeviceFacts& d) {
  switch (engine) {
    case Engine::mma_f16:
      return d.mma_f16_flops;
    case Engine::mma_bf16:
      return d.mma_bf16_flops;
    case Engine::mma_f16f32:
    case Engine::mma_split:
      return d.mma_f16f32_flops;
    case Engine::vector:
      return d.fma_f32_flops;
  }
  return 0;
}

/// Names the largest term, and sums the terms that a unit works through by `overlap`.
struct Terms {
  double largest = 0;
  double sum = 0;
  const char* name = "";
};

Terms terms_of(const Cost& c, bool cuda) {
  Terms terms;
  const struct {
    double seconds;
    const char* name;
  } all[] = {{c.matrix_s, cuda ? "matrix" : "arithmetic"},
             {c.issue_s, "issue"},
             {c.shared_s, cuda ? "shared memory" : "L1"},
             {c.memory_s, "memory"},
             {c.l2_s, "L2"}};
  for (const auto& term : all) {
    terms.sum += term.seconds;
    if (term.seconds > terms.largest) terms.largest = term.seconds, terms.name = term.name;
  }
  return terms;
}

double combine(const Terms& terms, double exposed) { return terms.largest + exposed * (terms.sum - terms.largest); }

/// The terms of a part of the work: `own` of what each multiprocessor does, `shared` of what all share.
Cost scaled(Cost cost, double own, double shared) {
  cost.matrix_s *= own;
  cost.issue_s *= own;
  cost.shared_s *= own;
  cost.memory_s *= shared;
  cost.l2_s *= shared;
  return cost;
}

void choose_bound(Cost& cost, const Terms& terms) {
  cost.bound = terms.largest >= cost.launch_s && terms.largest > 0 ? terms.name : "launch";
}

/// Bytes of `counts.l2_bytes` that L1 serves: what a block reads again for each transform after its first, as far as
/// it stays in the part of a multiprocessor's memory that the resident blocks leave to L1.
double l1_hits(const KernelCounts& counts, const KernelConfig& config, const DeviceFacts& d, int resident) {
  constexpr double beyond_shared = 28 << 10;  // L1 and shared memory together over shared memory's maximum, sm_80 on
  constexpr double reserved_shared = 1 << 10;
  const double transforms = counts.complex_points / static_cast<double>(transform_length(config));
  const double again = transforms - static_cast<double>(counts.blocks);
  if (again <= 0) return 0;
  const double used = resident * (static_cast<double>(counts.shared_per_block) + reserved_shared);
  const double l1 = std::max(0.0, static_cast<double>(d.shared_per_sm) + beyond_shared - used);
  return again * std::min(counts.l2_bytes / transforms, l1 / resident);
}

}  // namespace

double exposed_share(int warps, int blocks, int depth) {
  constexpr double hidden_at = 16;    // warps of two or more blocks that hide all but the least
  constexpr double exposed_at = 4;    // one warp a scheduler: nothing overlaps
  constexpr double least = 0.05;      // 1.00 … 1.17 of the floor with full overlap
  constexpr double lone_block = 0.5;  // its barriers stop all of its warps at once
  constexpr double one_slot = 0.75;   // the next row is not loaded while this one is computed
  const double effective = warps * (blocks > 1 ? 1 : lone_block) * (depth > 1 ? 1 : one_slot);
  return std::clamp((hidden_at - effective) / (hidden_at - exposed_at), least, 1.0);
}

Cost predict_cuda(const KernelCounts& counts, const KernelConfig& config, const DeviceFacts& d) {
  constexpr double flops_per_mma = 2.0 * 16 * 8 * 16;
  constexpr double schedulers = 4;             // of a multiprocessor, one warp instruction a clock each
  constexpr double port_bytes_per_clock = 64;  // between a multiprocessor and L2
  const double sms = std::max(1, d.sm_count);
  const double blocks = std::max<double>(1, static_cast<double>(counts.blocks));

  Cost cost;
  cost.launch_s = d.launch_s;
  const Occupancy resident = occupancy(counts, d);
  cost.occupancy = resident.fraction;
  if (resident.blocks == 0) {
    cost.total_s = std::numeric_limits<double>::infinity();
    cost.bound = resident.limit;
    return cost;
  }
  // What a multiprocessor does alone takes as long as on the one with the most blocks.
  const double most_blocks = std::ceil(blocks / sms);
  const double imbalance = most_blocks * sms / blocks;
  cost.matrix_s = imbalance * time_of(counts.mma * flops_per_mma, matrix_rate(config.engine, d));
  cost.issue_s = imbalance * std::max(time_of(counts.instructions, sms * schedulers * d.clock_hz),
                                      time_of(counts.flops, d.fma_f32_flops));
  const double hits = l1_hits(counts, config, d, resident.blocks);  // through the port of shared memory
  cost.shared_s = imbalance * time_of(counts.shared_bytes + hits, sms * d.clock_hz * d.shared_bytes_per_clock);
  // Memory and L2 are everybody's, but few multiprocessors cannot draw their whole bandwidth.
  const double ports = std::min(sms, blocks) * port_bytes_per_clock * d.clock_hz;
  const auto at_port = [ports](double rate) { return ports > 0 ? std::min(rate, ports) : rate; };
  cost.memory_s = time_of(counts.memory_bytes, at_port(d.memory_bytes_per_s));
  cost.l2_s = time_of(counts.l2_bytes - hits, at_port(d.l2_bytes_per_s));

  // A grid is no faster than its first blocks alone, j on each multiprocessor, at the overlap of j: more work never
  // gets faster for the better overlap that it brings.
  const int warps_per_block = resident.warps / resident.blocks;
  const int most_resident = static_cast<int>(std::min<double>(resident.blocks, most_blocks));
  for (int j = 1; j <= most_resident; ++j) {
    const bool all = j == most_resident;
    const Cost part = scaled(cost, all ? 1 : j / most_blocks, all ? 1 : std::min(1.0, j * sms / blocks));
    const double exposed = exposed_share(j * warps_per_block, j, config.depth);
    cost.total_s = std::max(cost.total_s, combine(terms_of(part, true), exposed));
  }
  const Terms terms = terms_of(cost, true);
  cost.total_s += cost.launch_s;
  choose_bound(cost, terms);
  return cost;
}

Cost predict_cpu(const KernelCounts& counts, const KernelConfig& config, const DeviceFacts& d) {
  // Fitted to a hand-written AVX-512 kernel on Zen 4: 7.8 vector instructions a sample in 5.5 clocks at 4K, and 5 to
  // 25 % from interleaving.
  constexpr double vector_issue = 1.5;         // vector instructions a clock and core
  constexpr double exposed_chain = 0.35;       // one core of points in flight: its steps wait for each other
  constexpr double exposed_interleaved = 0.2;  // two or more
  const double cores = std::max(1, d.sm_count);
  const double items = std::max<double>(1, static_cast<double>(counts.blocks));
  // Rows that are left over are shared among all cores where they are long: see runtime/src/cpu/schedule.cpp.
  constexpr double sharing_cost = 1.15;
  const double whole = std::floor(items / cores), left_over = items - whole * cores;
  const double rounds = whole + (left_over == 0  ? 0
                                 : counts.shared ? std::min(1.0, left_over * sharing_cost / cores)
                                                 : 1.0);
  const double imbalance = rounds * cores / items;

  Cost cost;
  cost.launch_s = d.launch_s;
  cost.occupancy = counts.shared ? 1.0 : std::min(1.0, items / cores);
  cost.matrix_s = imbalance * time_of(counts.flops, d.fma_f32_flops);
  cost.issue_s = imbalance * time_of(counts.instructions, cores * d.clock_hz * vector_issue);
  cost.shared_s = imbalance * time_of(counts.shared_bytes, cores * d.clock_hz * d.shared_bytes_per_clock);
  cost.memory_s = time_of(counts.memory_bytes, d.memory_bytes_per_s);
  cost.l2_s = time_of(counts.l2_bytes, d.l2_bytes_per_s);
  const Terms terms = terms_of(cost, false);
  cost.total_s = combine(terms, config.interleave > 1 ? exposed_interleaved : exposed_chain) + cost.launch_s;
  choose_bound(cost, terms);
  return cost;
}

Cost predict(const Problem& problem, const KernelConfig& config, const DeviceFacts& device) {
  const KernelCounts counts = count(problem, config, device);
  return is_cuda(config) ? predict_cuda(counts, config, device) : predict_cpu(counts, config, device);
}

double predict_eq2(const Problem& problem, const KernelConfig& config, const DeviceFacts& d) {
  constexpr int least_matrix_radix = 16;
  const double length = static_cast<double>(transform_length(config));
  const double on_chip = d.shared_bytes_per_clock * d.clock_hz * d.sm_count;
  const double off_chip = config.strategy == Strategy::l2 ? d.l2_bytes_per_s : d.memory_bytes_per_s;
  const bool whole_row_on_chip = config.strategy == Strategy::fused || config.strategy == Strategy::chunked;
  double seconds = 0;
  for (std::size_t i = 0; i < config.radices.size(); ++i) {
    const int radix = config.radices[i];
    const double rate = radix >= least_matrix_radix ? matrix_rate(config.engine, d) : d.fma_f32_flops;
    // The outermost step's operand comes from device memory; its result stays on chip only where the row fits.
    const double level = i == 0 ? d.memory_bytes_per_s : i == 1 && !whole_row_on_chip ? off_chip : on_chip;
    seconds += time_of(16 * length * radix, rate) + time_of(4 * length, level);
  }
  return static_cast<double>(problem.batch) * static_cast<double>(problem.channels) * seconds;
}

}  // namespace fftconv
