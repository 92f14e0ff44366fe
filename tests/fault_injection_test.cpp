// Faults planted in emitted kernels: the simulation reports each one, at the line that made it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sstream>

#include "convolution_check.h"
#include "fftconv/sha256.h"
#include "fftconv/sim_device.h"

using namespace fftconv;

namespace {

KernelSource kernel(const char* config, std::int64_t length) {
  Problem p;
  p.seqlen = p.filter_len = length;
  p.batch = 3;
  p.io = DataType::f16;
  p.precision = Precision::f16;
  Result<KernelConfig> c = parse_config(config);
  REQUIRE(c.ok());
  Result<KernelSource> source = emit(p, *c, *facts_of_arch("sm_90a"));
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  return *source;
}

constexpr const char* fused = "p3:4x16x16/fused/mma-f16acc/rows1/warps4/loop0/depth2/filter-mem/twiddle-mem/nvrtc";

/// Replaces the first `what` after `after`; the kernel is another one then, with a digest of its own.
KernelSource with_fault(KernelSource source, std::string_view after, std::string_view what, std::string_view by) {
  const std::size_t start = source.text.find(after);
  REQUIRE_MESSAGE(start != std::string::npos, after);
  const std::size_t at = source.text.find(what, start);
  REQUIRE_MESSAGE(at != std::string::npos, what);
  source.text.replace(at, what.size(), by);
  source.digest = sha256(source.text);
  return source;
}

std::string line_of(const std::string& text, int number) {
  std::istringstream in(text);
  std::string line;
  for (int i = 0; i < number && std::getline(in, line); ++i) {
  }
  return line;
}

bool is_access(const std::string& line) {
  for (const char* name : {"lds_", "sts_", "ldmatrix_", "ldg_", "stg_", "cp_async"}) {
    if (line.find(name) != std::string::npos) return true;
  }
  return false;
}

/// The fault is found, as one of `kinds` ("a|b"), and the line that it names is an access to memory.
void expect_found(const KernelSource& faulty, std::string_view kinds, SimMode mode = SimMode::vector) {
  SimOptions options;
  options.mode = mode;
  auto sim = open_sim(options);
  REQUIRE_MESSAGE(sim.ok(), (sim.ok() ? "" : sim.error().message));
  const test::Outcome outcome = test::check_source(**sim, faulty, 3);
  REQUIRE_FALSE(outcome.failure.empty());
  const std::vector<SimFinding> findings = (*sim)->last_report().findings;
  REQUIRE_FALSE(findings.empty());
  const SimFinding& first = findings.front();
  const std::string line = line_of(faulty.text, first.line);
  MESSAGE(fmt::format("{} line {} ({}): {}", first.kind, first.line, line, first.message));
  CHECK(fmt::format("|{}|", kinds).find(fmt::format("|{}|", first.kind)) != std::string::npos);
  CHECK(outcome.failure.find(first.message) != std::string::npos);
  CHECK_MESSAGE(is_access(line), line);
}

}  // namespace

TEST_CASE("the kernel without a fault passes in both modes") {
  for (const SimMode mode : {SimMode::vector, SimMode::fiber}) {
    SimOptions options;
    options.mode = mode;
    auto sim = open_sim(options);
    REQUIRE(sim.ok());
    const KernelSource source = kernel(fused, 1000);
    const test::Outcome outcome = test::check_source(**sim, source, 3);
    CHECK_MESSAGE(outcome.failure.empty(), outcome.failure);
    CHECK(outcome.error <= error_budget(source.problem));
    CHECK((*sim)->last_report().findings.empty());
  }
}

TEST_CASE("a dropped barrier is a race, whichever barrier it is") {
  const KernelSource source = kernel(fused, 1000);
  for (const char* stage : {"// Digit 1,", "// The core's digits", "// Inverse digit 1,"}) {
    CAPTURE(stage);
    expect_found(with_fault(source, stage, "transform_sync(group);", ""), "race|unwritten");
  }
  expect_found(with_fault(source, "cp_async_wait<DEPTH - 2>();", "transform_sync(group);", ""),
               "race|unwritten|async");
  expect_found(with_fault(source, "// The core's digits", "transform_sync(group);", ""), "race|unwritten",
               SimMode::fiber);
}

TEST_CASE("a dropped wait of the warp is a race") {
  const KernelSource source =
      kernel("p2:16x16/fused/mma-f16acc/rows2/warps1/loop0/depth2/filter-mem/twiddle-mem/nvrtc", 250);
  expect_found(with_fault(source, "store_row_tile(slot, m, j, c.re);", "transform_sync(group);", ""), "race");
}

TEST_CASE("a dropped wait for asynchronous copies is found") {
  const KernelSource source = kernel(fused, 1000);
  expect_found(with_fault(source, "for (int i = first", "cp_async_wait<DEPTH - 2>();", ""), "async|unwritten|race");
}

TEST_CASE("buffers that overlap are found") {
  const KernelSource source = kernel(fused, 1000);
  expect_found(with_fault(source, "FFTCONV_KERNEL(fftconv_convolution", "spectrum + SPECTRUM_BYTES;",
                          "spectrum + SPECTRUM_BYTES - 64;"),
               "race|unwritten|async");
}

TEST_CASE("an access past a row's end is found, reading and writing") {
  const KernelSource source = kernel(fused, 1000);
  // The last row of the buffer ends where the buffer ends.
  expect_found(with_fault(source, "void store_row", "(R * C) < L;", "(R * C) < L + COPY_SAMPLES;"), "out-of-range");
  expect_found(with_fault(source, "void load_row", "< (present ? L : 0)", "< (present ? L + COPY_SAMPLES : 0)"),
               "out-of-range");
}

TEST_CASE("shared memory past the block's allocation is found") {
  KernelSource source = kernel(fused, 1000);
  source.convolution.shared_bytes -= 64;  // more than the padding behind the last slab
  source.digest = sha256(source.text + "short");
  expect_found(source, "out-of-range");
}
