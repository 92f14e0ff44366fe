// Small lane-style kernels on the simulated device: one input, one output, one block unless said otherwise.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fftconv/sim_device.h"

namespace simtest {

using namespace fftconv;

/// Line 1 of every kernel's text, so that a kernel's own first line is line 2.
inline const std::string arguments =
    "struct fftconv_args { const void* u; void* y; const void* filter; void* spectrum; void* scratch; const void* "
    "tables; const void* pregate; const void* postgate; const void* skip; long long batch, channels, seqlen, "
    "filter_len, filters; };\n";

struct Setup {
  SimMode mode = SimMode::vector;
  int threads = 32;
  std::int64_t shared_bytes = 0;
  std::array<int, 3> grid{1, 1, 1};
  std::uint64_t seed = 1;
  bool checks = true;
};

template <class T>
struct Outcome {
  Result<void> status;
  std::vector<T> y;
  SimReport report;
};

/// Runs `body`, the body of kernel "k", with args.u = input and args.y = output of `size` elements.
template <class In, class Out>
Outcome<Out> run(const std::string& body, const Setup& setup, const std::vector<In>& input, std::size_t size) {
  auto opened = open_sim({.mode = setup.mode, .seed = setup.seed, .checks = setup.checks});
  REQUIRE_MESSAGE(opened.ok(), opened.error().message);
  SimDevice& device = **opened;
  KernelSource source;
  source.text = arguments + "FFTCONV_KERNEL(k, " + std::to_string(setup.threads) +
                ", 1)(const fftconv_args args) {\n" + body + "\n}\n";
  auto compiled = device.compile(source);
  REQUIRE_MESSAGE(compiled.ok(), compiled.error().message);
  auto kernel = device.load(source, *compiled);
  REQUIRE_MESSAGE(kernel.ok(), kernel.error().message);
  auto u = device.allocate(input.size() * sizeof(In));
  auto y = device.allocate(size * sizeof(Out));
  REQUIRE(u.ok());
  REQUIRE(y.ok());
  REQUIRE(device.upload((*u)->data(), input.data(), input.size() * sizeof(In)).ok());
  KernelArgs args;
  args.u = (*u)->data();
  args.y = (*y)->data();
  const KernelEntry entry{"k", setup.grid, setup.threads, setup.shared_bytes};
  Outcome<Out> outcome{(*kernel)->launch(entry, args, nullptr), std::vector<Out>(size), device.last_report()};
  REQUIRE(device.download(outcome.y.data(), (*y)->data(), size * sizeof(Out)).ok());
  return outcome;
}

inline std::string describe(const SimReport& report) {
  std::string text;
  for (const SimFinding& finding : report.findings) text += finding.message + "\n";
  return text;
}

/// Whether the report names a finding of this kind in this line (and, unless -1, this other line).
inline bool found(const SimReport& report, const std::string& kind, int line, int other_line = -1) {
  for (const SimFinding& finding : report.findings) {
    if (finding.kind == kind && finding.line == line && (other_line == -1 || finding.other_line == other_line)) {
      return true;
    }
  }
  return false;
}

constexpr SimMode both_modes[] = {SimMode::vector, SimMode::fiber};

template <class T>
std::vector<T> ramp(std::size_t size) {
  std::vector<T> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<T>(i);
  return values;
}

/// Random bit patterns; the seed is printed where a check fails.
inline std::vector<std::uint32_t> random_words(std::size_t size, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<std::uint32_t> values(size);
  for (auto& value : values) value = static_cast<std::uint32_t>(generator());
  return values;
}

}  // namespace simtest
