// Rates of this machine, measured in a few milliseconds each: good to some ten percent, which is what a cost model
// needs to rank candidates.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "cpu/host_facts.h"
#include "cpu/scratch.h"

namespace fftconv {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Each addition waits for the one before it: one a clock on every processor of interest.
double measure_clock() {
  constexpr int kSteps = 2'000'000;
  double best = 1;
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::uint64_t x = 1;
    const auto begin = Clock::now();
    for (int i = 0; i < kSteps; i += 8) {
#if defined(__x86_64__)
      asm volatile(
          "add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0\n"
          "add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0"
          : "+r"(x));
#else
      asm volatile(
          "add %0, %0, #1\n add %0, %0, #1\n add %0, %0, #1\n add %0, %0, #1\n"
          "add %0, %0, #1\n add %0, %0, #1\n add %0, %0, #1\n add %0, %0, #1"
          : "+r"(x));
#endif
    }
    best = std::min(best, seconds_since(begin));
  }
  return kSteps / best;
}

constexpr int kChains = 10;  // independent sums: at least latency times units
constexpr int kRounds = 100'000;

typedef float Floats4 __attribute__((vector_size(16)));
typedef float Floats8 __attribute__((vector_size(32)));
typedef float Floats16 __attribute__((vector_size(64)));

/// Flops of kRounds rounds of kChains multiply-adds on vectors.
template <class Vector>
[[gnu::always_inline]] inline double fma_rounds(float start) {
  constexpr int kLanes = sizeof(Vector) / sizeof(float);
  Vector sum[kChains];
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) sum[c] = Vector{} + static_cast<float>(c);
  const Vector scale = Vector{} + start;
  for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) sum[c] = sum[c] * scale + scale;
  }
  Vector total{};
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) total += sum[c];
  volatile float sink = total[0];
  static_cast<void>(sink);
  return 2.0 * kLanes * kChains * kRounds;
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] double fma_avx512() { return fma_rounds<Floats16>(0.5f); }
[[gnu::target("avx2,fma")]] double fma_avx2() { return fma_rounds<Floats8>(0.5f); }
#endif
double fma_plain() { return fma_rounds<Floats4>(0.5f); }

double measure_fma([[maybe_unused]] const DeviceFacts& facts) {
  double (*rounds)() = fma_plain;
#if defined(__x86_64__)
  if (facts.vector_lanes == 16) rounds = fma_avx512;
  if (facts.vector_lanes == 8) rounds = fma_avx2;
#endif
  double rate = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto begin = Clock::now();
    const double flops = rounds();
    rate = std::max(rate, flops / seconds_since(begin));
  }
  return rate;
}

/// Bytes read plus written a second by one thread, on memory that no cache holds.
double copy_rate(std::size_t bytes) {
  auto* data = reinterpret_cast<char*>(thread_scratch(bytes));
  if (!data) return 0;
  const std::size_t half = bytes / 2;
  std::memset(data, 1, bytes);
  double rate = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto begin = Clock::now();
    std::memcpy(data + half, data, half);
    rate = std::max(rate, 2.0 * static_cast<double>(half) / seconds_since(begin));
  }
  return rate;
}

}  // namespace

void measure_rates(DeviceFacts& facts, int threads) {
  constexpr std::size_t kLeast = std::size_t{32} << 20, kMost = std::size_t{128} << 20;
  const std::size_t bytes = std::clamp(static_cast<std::size_t>(2 * facts.l2_bytes), kLeast, kMost);
  facts.clock_hz = measure_clock();
  facts.fma_f32_flops = measure_fma(facts) * threads;
  // New threads, so that their scratch memory is given back; a few of them fill the memory's channels.
  std::vector<double> rates(static_cast<std::size_t>(std::min(threads, 8)));
  std::vector<std::thread> copiers;
  for (double& rate : rates) copiers.emplace_back([&rate, bytes] { rate = copy_rate(bytes); });
  for (std::thread& copier : copiers) copier.join();
  for (const double rate : rates) facts.memory_bytes_per_s += rate;
  // Two vector loads a clock; the last-level cache gives about 16 bytes a clock to a core.
  facts.shared_bytes_per_clock = 2.0 * 4 * facts.vector_lanes;
  facts.l2_bytes_per_s = 16 * facts.clock_hz * threads;
  facts.launch_s = 5e-6;
  facts.measured = true;
}

}  // namespace fftconv
