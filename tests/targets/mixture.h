// What additions and multiply-adds take on registers, without loads, stores or shuffles.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "fftconv/device_facts.h"
#include "fftconv/kernel_counts.h"

namespace fftconv::targets {

constexpr int kSteps = 200'000;

constexpr int kChains = 12;  // independent sums: at least latency times units, and no spills with 16 registers

typedef float Floats4 __attribute__((vector_size(16)));
typedef float Floats8 __attribute__((vector_size(32)));
typedef float Floats16 __attribute__((vector_size(64)));

/// kSteps times kChains instructions, of which `fmas` of each kChains are multiply-adds and the others additions.
template <class Vector, int fmas>
[[gnu::always_inline]] inline void compute() {
  Vector sum[kChains];
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) sum[c] = Vector{} + static_cast<float>(c);
  Vector scale = Vector{} + 0.5f, term = Vector{} + 1e-3f;
  for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) {
      sum[c] = (c + 1) * fmas / kChains > c * fmas / kChains ? sum[c] * scale + term : sum[c] + term;
    }
    asm volatile("" : "+x"(scale), "+x"(term));  // additions are not taken together
  }
  Vector total{};
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) total += sum[c];
  volatile float sink = total[0];
  static_cast<void>(sink);
}

using Computation = void (*)();
#if defined(__x86_64__)
template <int fmas>
[[gnu::target("avx512f")]] void compute_avx512() {
  compute<Floats16, fmas>();
}
template <int fmas>
[[gnu::target("avx2,fma")]] void compute_avx2() {
  compute<Floats8, fmas>();
}
#endif
template <int fmas>
void compute_plain() {
  compute<Floats4, fmas>();
}

template <int... fmas>
Computation computation_of(int lanes, int wanted, std::integer_sequence<int, fmas...>) {
  const std::array plain{&compute_plain<fmas>...};
#if defined(__x86_64__)
  const std::array narrow{&compute_avx2<fmas>...}, wide{&compute_avx512<fmas>...};
  if (lanes == 16) return wide[static_cast<std::size_t>(wanted)];
  if (lanes == 8) return narrow[static_cast<std::size_t>(wanted)];
#endif
  return plain[static_cast<std::size_t>(wanted)];
}

/// Additions and multiply-adds in the mixture of one kernel by its own count.
class Mixture {
 public:
  Mixture(const KernelCounts& counts, int lanes) : arithmetic_(counts.arithmetic) {
    // flops = lanes (additions + 2 multiply-adds); arithmetic = additions + multiply-adds.
    const double fmas = counts.flops / lanes / counts.arithmetic - 1;
    const int wanted = std::clamp(static_cast<int>(fmas * kChains + 0.5), 0, kChains);
    computation_ = computation_of(lanes, wanted, std::make_integer_sequence<int, kChains + 1>{});
  }

  /// Seconds that the arithmetic of one launch takes, timed once.
  double time() const {
    const auto begin = std::chrono::steady_clock::now();
    computation_();
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return s / (double{kSteps} * kChains) * arithmetic_;
  }

 private:
  double arithmetic_;
  Computation computation_;
};

}  // namespace fftconv::targets
