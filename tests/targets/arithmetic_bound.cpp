// How far kernels are from what their arithmetic alone takes: additions, multiplications and multiply-adds of the
// kernel by its own count, done on registers in the same mixture without loads, stores or shuffles. The kernels that
// a search finds, causal in fp32 on one thread and streaming data; both timed in turn, medians.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "bare_kernel.h"
#include "fftconv/kernel_counts.h"
#include "target.h"
#include "tuned.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {256, 1024, 4096, 16384, 65536};
constexpr double kSearch = 10;
constexpr int kRounds = 9;
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

double seconds_of(Computation computation) {
  const auto begin = std::chrono::steady_clock::now();
  computation();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Times {
  double kernel = 0, bound = 0;  ///< seconds a sample
};

Result<Times> times_of(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
  const Problem problem = streaming_problem(seqlen);
  const auto config = tuner.config(problem, kSearch);
  if (!config) return config.error();
  Tensors tensors(*device, problem);
  std::vector<BareKernel> kernels;
  auto kernel = prepare(*device, problem, *config, tensors);
  if (!kernel) return kernel.error();
  kernels.push_back(std::move(*kernel));
  // flops = lanes (additions + 2 multiply-adds); arithmetic = additions + multiply-adds.
  const KernelCounts counts = count(problem, *config, device->identity());
  const double fmas = counts.flops / config->lanes / counts.arithmetic - 1;
  const int wanted = std::clamp(static_cast<int>(fmas * kChains + 0.5), 0, kChains);
  const Computation computation =
      computation_of(config->lanes, wanted, std::make_integer_sequence<int, kChains + 1>{});
  std::vector<double> bounds;
  for (int round = 0; round < kRounds; ++round) {
    bounds.push_back(seconds_of(computation));
    if (const auto timed = time_in_turn(*device, kernels, tensors, 0, 1); !timed) return timed.error();
  }
  const auto samples = static_cast<double>(tensors.samples);
  return Times{median(kernels[0].times) / samples,
               median(bounds) / (double{kSteps} * kChains) * counts.arithmetic / samples};
}

}  // namespace

int main() {
  const std::shared_ptr<Device> device = one_thread();
  Tuner tuner(device);
  double worst = 0;
  std::string note = "nanoseconds a sample over those of the arithmetic;";
  for (std::int64_t seqlen : kLengths) {
    const auto times = times_of(device, tuner, seqlen);
    if (!times) {
      fmt::print(stderr, "{}\n", times.error().message);
      return 1;
    }
    worst = std::max(worst, times->kernel / times->bound);
    note += fmt::format(" {}: {:.2f} / {:.2f}", seqlen, 1e9 * times->kernel, 1e9 * times->bound);
  }
  return report("CPU: time over the floating-point bound", worst, Goal::at_most, 1.6, "1", note) ? 0 : 1;
}
