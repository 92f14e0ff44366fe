// The text, tables, candidates and refusals of the CPU emitter; nothing is compiled here.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "backend.h"
#include "cpu/factor.h"
#include "cpu/root_gap.h"
#include "cpu/tree.h"

using namespace fftconv;

namespace {

DeviceFacts host(int lanes = 16) {
  DeviceFacts facts;
  facts.kind = DeviceKind::cpu;
  facts.arch = lanes == 16 ? "x86-64-avx512" : lanes == 8 ? "x86-64-avx2" : "x86-64";
  facts.vector_lanes = lanes;
  return facts;
}

Problem causal(std::int64_t seqlen) {
  Problem problem;
  problem.seqlen = problem.filter_len = seqlen;
  problem.batch = 4;
  problem.channels = 3;
  return problem;
}

KernelConfig default_of(const Problem& problem) {
  const Result<KernelConfig> config = cpu::default_config(problem, host());
  REQUIRE(config);
  return *config;
}

KernelSource emitted(const Problem& problem, const KernelConfig& config) {
  Result<KernelSource> source = cpu::emit(problem, config, host());
  REQUIRE(source);
  return *source;
}

ErrorCode refusal(const Problem& problem, const KernelConfig& config) {
  const Result<void> legal = cpu::check_legal(problem, config, host());
  REQUIRE_FALSE(legal.ok());
  CHECK(cpu::emit(problem, config, host()).error() == legal.error());
  return legal.error().code;
}

}  // namespace

TEST_CASE("the text has no includes and opens with what it is") {
  const Problem problem = causal(4096);
  const KernelSource source = emitted(problem, default_of(problem));
  CHECK(source.text.find("#include") == std::string::npos);
  CHECK(source.text.find("#pragma once") == std::string::npos);
  CHECK(source.text.starts_with("// Long convolution on a CPU"));
  CHECK(source.text.find(to_string(source.config)) < 400);
  CHECK(source.text.find("causal/L4096/k4096/io-f32/f32/forward") < 400);
}

TEST_CASE("the same problem and config give the same bytes") {
  const Problem problem = causal(1000);
  const KernelSource a = emitted(problem, default_of(problem)), b = emitted(problem, default_of(problem));
  CHECK(a.text == b.text);
  CHECK(a.tables == b.tables);
  CHECK(a.digest == b.digest);
}

TEST_CASE("one binary serves every batch and number of channels") {
  Problem problem = causal(1000), other = problem;
  other.batch = 17;
  other.channels = 64;
  const KernelSource a = emitted(problem, default_of(problem)), b = emitted(other, default_of(problem));
  CHECK(a.digest == b.digest);
  CHECK(a.convolution.grid[0] == 4 * 3);
  CHECK(b.convolution.grid[0] == 17 * 64);
  CHECK(b.spectrum_bytes == 64 * transform_length(a.config) * 8);
}

TEST_CASE("what changes the result changes the digest") {
  const Problem problem = causal(1000);
  const KernelConfig config = default_of(problem);
  const std::string digest = emitted(problem, config).digest;
  Problem f16 = problem, gated = problem, shorter = problem;
  f16.io = DataType::f16;
  gated.pregate = true;
  shorter.filter_len = 999;
  for (const Problem& other : {f16, gated, shorter}) CHECK(emitted(other, config).digest != digest);
  DeviceFacts avx2 = host(8);
  KernelConfig narrow = *cpu::default_config(problem, avx2);
  CHECK(cpu::emit(problem, narrow, avx2)->digest != digest);
}

TEST_CASE("twiddles are roots of unity and fill the layout") {
  for (std::int64_t seqlen : {1, 100, 4096, 14113}) {
    for (const KernelConfig& config : cpu::candidates(causal(seqlen), host())) {
      const cpu::Tree tree = cpu::tree_of(config);
      const bool computed = config.twiddle == Residency::registers;
      CHECK(static_cast<std::int64_t>(cpu::make_tables(tree, computed).size()) ==
            cpu::table_layout(tree, computed).total);
    }
  }
  const std::vector<double> w = cpu::twiddles(0.25, 4);
  REQUIRE(w.size() == 6);
  CHECK(w[0] == doctest::Approx(std::cos(M_PI / 8)));
  CHECK(w[1] == doctest::Approx(std::sin(M_PI / 8)));
}

TEST_CASE("the leaves of a tree hold every residue once") {
  // exp(2 pi i theta) over all leaves are the roots of z^(M / leaf) = exp(2 pi i theta_root).
  for (std::int64_t seqlen : {1, 77, 640, 4096}) {
    const cpu::Tree tree = cpu::tree_of(default_of(causal(seqlen)));
    std::int64_t nodes = 1;
    for (const cpu::Level& level : tree.levels) {
      CHECK(level.nodes == nodes);
      CHECK(level.length * nodes == tree.length);
      nodes *= level.radix;
    }
    CHECK(tree.leaves == nodes);
    CHECK(tree.leaves * tree.leaf_radix * tree.columns == tree.length);
  }
}

TEST_CASE("candidates are many, distinct, legal and say themselves in text") {
  for (std::int64_t seqlen : {1, 3, 31, 100, 257, 1024, 4096, 14113, 65537, 1 << 20, 1 << 22}) {
    for (Mode mode : {Mode::causal, Mode::bidirectional, Mode::circular}) {
      Problem problem = causal(seqlen);
      problem.mode = mode;
      const std::vector<KernelConfig> configs = cpu::candidates(problem, host());
      INFO(to_string(problem));
      CHECK(configs.size() >= 8);
      CHECK(configs.size() <= 600);
      CHECK(std::ranges::find(configs, default_of(problem)) != configs.end());
      for (std::size_t i = 0; i < configs.size(); ++i) {
        CHECK(cpu::check_legal(problem, configs[i], host()));
        const Result<KernelConfig> read = parse_config(to_string(configs[i]));
        REQUIRE_MESSAGE(read, to_string(configs[i]));
        CHECK(*read == configs[i]);
        CHECK(std::count(configs.begin(), configs.end(), configs[i]) == 1);
      }
    }
  }
}

TEST_CASE("transforms follow the length rather than the next power of two") {
  CHECK(transform_length(default_of(causal(4096))) == 4096);
  CHECK(transform_length(default_of(causal(4097))) <= 4480);
  CHECK(transform_length(default_of(causal(160002))) <= 165000);
}

TEST_CASE("parts of the root that are whole pages stand apart, where nothing walks them as one array") {
  Problem problem = causal(4096);
  KernelConfig config = default_of(problem);
  config.radices = {8, 8, 64};
  const auto gap = [&] { return cpu::root_gap(problem, config); };
  const std::int64_t points = 4096 * 2 * 4, gaps = 7 * 2 * 2 * 16 * 4;  // bytes
  CHECK(gap() == 2);
  CHECK(emitted(problem, config).convolution.shared_bytes == points + gaps);
  CHECK(emitted(problem, config).text.find("node_1<false>(z + k * 34 * block") != std::string::npos);
  // The filter's spectrum is made once: it has no gaps, and its scratch none.
  CHECK(emitted(problem, config).text.find("node_1<true>(z + k * 32 * block") != std::string::npos);
  CHECK(emitted(problem, config).spectrum.shared_bytes == points);
  config.radices = {8, 4, 128};
  CHECK(gap() == 2);
  config.radices = {3, 8, 8, 32};  // parts of 2,048 points: four pages
  CHECK(gap() == 2);
  config.radices = {5, 7, 128};  // of 896: 7 KiB
  CHECK(gap() == 0);
  config.radices = {8, 8, 64};
  problem.carry = true;
  CHECK(gap() == 0);
  problem.carry = false;
  problem.direction = Direction::backward_filter;
  CHECK(gap() == 0);
  problem.direction = Direction::backward_input;
  CHECK(gap() == 2);
  // What threads share is walked level by level.
  problem = causal(1 << 14);
  config.radices = {8, 8, 4, 64};
  CHECK(gap() == 0);
}

TEST_CASE("paired rows are offered where nothing wraps") {
  Problem problem = causal(4096);
  problem.mode = Mode::circular;
  const auto paired = [&](const Problem& p) {
    const std::vector<KernelConfig> configs = cpu::candidates(p, host());
    return std::ranges::any_of(configs, [](const KernelConfig& config) { return config.paired; });
  };
  CHECK(paired(problem));
  problem.batch = 1;
  CHECK_FALSE(paired(problem));
  problem.batch = 4;
  problem.seqlen = 4099;
  CHECK_FALSE(paired(problem));
  Problem short_filter = causal(4000);
  short_filter.filter_len = 33;
  CHECK(paired(short_filter));
  KernelConfig wraps = default_of(causal(4096));
  wraps.paired = true;
  CHECK(refusal(causal(4096), wraps) == ErrorCode::unsupported);
}

TEST_CASE("problems that the device does not compute are refused") {
  const KernelConfig config = default_of(causal(1000));
  Problem empty = causal(1000), huge = empty;
  empty.seqlen = 0;
  huge.batch = huge.channels = 1 << 20;
  for (const Problem& problem : {huge}) {
    CHECK(refusal(problem, config) == ErrorCode::unsupported);
    CHECK(cpu::candidates(problem, host()).empty());
    CHECK_FALSE(cpu::default_config(problem, host()).ok());
  }
  CHECK(refusal(empty, config) == ErrorCode::invalid_argument);
}

TEST_CASE("the text knows three kinds of rows, and no strides") {
  const Problem dense = causal(1000);
  Problem same = dense, apart = dense, wider = dense, last = dense, holes = dense;
  same.strides = {3000, 1000, 1};
  apart.strides = {6000, 2000, 1};
  wider.strides = {9000, 3000, 1};
  last.layout = Layout::blh;
  holes.strides = {8000, 2500, 2};
  const auto digest = [&](const Problem& problem) { return emitted(problem, default_of(dense)).digest; };
  CHECK(digest(same) == digest(dense));
  CHECK(digest(apart) == digest(wider));
  CHECK(digest(last) == digest(holes));
  CHECK(digest(dense) != digest(apart));
  CHECK(digest(dense) != digest(last));
  CHECK(digest(apart) != digest(last));
  last.channels = 1;  // dense after all
  CHECK(digest(last) == digest(dense));
}

TEST_CASE("configs that do not fit are refused") {
  const Problem problem = causal(1000);
  const KernelConfig good = default_of(problem);
  const auto refused = [&](auto change) {
    KernelConfig config = good;
    change(config);
    INFO(to_string(config));
    CHECK(refusal(problem, config) == ErrorCode::unsupported);
  };
  refused([](KernelConfig& c) { c.engine = Engine::mma_f16; });
  refused([](KernelConfig& c) { c.strategy = Strategy::multipass; });
  refused([](KernelConfig& c) { c.compiler = CompilerId::nvrtc; });
  refused([](KernelConfig& c) { c.radices = {}; });
  refused([](KernelConfig& c) { c.radices = {64}; });
  refused([](KernelConfig& c) { c.radices = {16, 64}; });
  refused([](KernelConfig& c) { c.radices = {11, 2, 64}; });
  refused([](KernelConfig& c) { c.radices = {16, 48}; });
  refused([](KernelConfig& c) { c.radices = {0, 64}; });
  refused([](KernelConfig& c) { c.radices = {4, 4, 72}; });
  refused([](KernelConfig& c) { c.radices = std::vector<int>(20, 8); });
  refused([](KernelConfig& c) { c.lanes = 32; });
  refused([](KernelConfig& c) { c.lanes = 0; });
  refused([](KernelConfig& c) { c.rows = 3; });
  refused([](KernelConfig& c) { c.rows = 32; });
  refused([](KernelConfig& c) { c.interleave = 0; });
  refused([](KernelConfig& c) { c.interleave = 3; });
  refused([](KernelConfig& c) { c.warps = 2; });
  refused([](KernelConfig& c) { c.streaming = true, c.rows = 16, c.radices = {4, 8, 8, 4}; });
  CHECK_FALSE(cpu::check_legal(problem, good, host(8)).ok());
}

TEST_CASE("counts grow with the work") {
  Problem problem = causal(4096);
  const KernelConfig config = default_of(problem);
  const KernelCounts one = cpu::count(problem, config, host());
  CHECK(one.flops > 0);
  CHECK(one.instructions * 16 * 2 > one.flops);  // an instruction is at most a fused multiply-add of 16 lanes
  CHECK(one.shared_bytes > one.memory_bytes);
  CHECK(one.complex_points == 4.0 * 3 * 4096);
  CHECK(one.blocks == 12);
  problem.batch *= 2;
  const KernelCounts two = cpu::count(problem, config, host());
  CHECK(two.flops == doctest::Approx(2 * one.flops));
  CHECK(two.instructions == doctest::Approx(2 * one.instructions));
  KernelConfig paired = config;
  paired.paired = true;
  Problem circular = problem;
  circular.mode = Mode::circular;
  CHECK(cpu::count(circular, paired, host()).complex_points == two.complex_points / 2);
}

TEST_CASE("radix orders multiply to the product") {
  for (std::int64_t product : cpu::smooth_numbers(1, 5000)) {
    const auto orders = cpu::radix_orders(product);
    CHECK_FALSE(orders.empty());
    for (const auto& radices : orders) {
      CHECK(std::accumulate(radices.begin(), radices.end(), std::int64_t{1}, std::multiplies<>()) == product);
      for (int radix : radices) CHECK(cpu::is_radix(radix));
    }
  }
  CHECK(cpu::radix_orders(11).empty());
}
