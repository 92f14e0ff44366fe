#include "fftconv/cost_model.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "cost_terms.h"
#include "fftconv/search_space.h"
#include "floor.h"
#include "near.h"
#include "occupancy.h"
#include "random_problem.h"

using namespace fftconv;
using test::near;

namespace {

DeviceFacts h200() { return *facts_of_arch("sm_90a"); }

Problem rows_of(std::int64_t seqlen, Mode mode = Mode::causal) {
  Problem p;
  p.mode = mode;
  p.seqlen = p.filter_len = seqlen;
  p.batch = 64;
  p.channels = 768;
  p.io = DataType::f16;
  p.precision = Precision::f16;
  return p;
}

KernelConfig config_of(std::vector<int> radices, int depth = 2) {
  KernelConfig c;
  c.radices = std::move(radices);
  c.warps = 8;
  c.depth = depth;
  return c;
}

/// Counts of a kernel that could be: 768 blocks of 8 warps, two on a multiprocessor.
KernelCounts plausible_counts() {
  KernelCounts k;
  k.mma = 5e7;
  k.instructions = 1e9;
  k.shared_bytes = 5e9;
  k.memory_bytes = 8e8;
  k.l2_bytes = 4e8;
  k.threads = 256;
  k.blocks = 768;
  k.shared_per_block = 64 << 10;
  k.registers = 128;
  return k;
}

KernelCounts random_counts(test::Random& random) {
  const auto amount = [&](double greatest) {
    return std::pow(10, std::uniform_real_distribution<>(3, greatest)(random));
  };
  KernelCounts k;
  k.mma = amount(9);
  k.flops = amount(10);
  k.instructions = amount(10);
  k.shared_bytes = amount(11);
  k.memory_bytes = amount(10);
  k.l2_bytes = amount(10);
  k.threads = 32 * static_cast<int>(test::between(random, 1, 16));
  k.blocks = test::between(random, 1, 3000);
  k.shared_per_block = test::between(random, 0, 200 << 10);
  k.registers = static_cast<int>(test::between(random, 16, 128));
  k.complex_points = 4096. * static_cast<double>(test::between(random, 1, 100000));
  return k;
}

KernelCounts scaled(KernelCounts k, double factor) {
  for (double* amount :
       {&k.mma, &k.flops, &k.instructions, &k.shared_bytes, &k.memory_bytes, &k.l2_bytes, &k.complex_points}) {
    *amount *= factor;
  }
  return k;
}

}  // namespace

TEST_CASE("the floor on an H200 is the published table within 3 %") {
  const struct {
    int log2;
    double memory_ms, causal_ms;
  } table[] = {{8, .012, .012},  {10, .047, .049}, {12, .189, .190}, {13, .377, .391}, {14, .761, 1.04},
               {15, 1.55, 2.61}, {16, 3.18, 3.65}, {17, 6.37, 8.35}, {18, 12.7, 20.9}, {19, 25.5, 50.1},
               {20, 50.9, 117},  {21, 102, 267},   {22, 204, 668}};
  for (const auto& row : table) {
    const Problem p = rows_of(std::int64_t{1} << row.log2);
    CAPTURE(p.seqlen);
    CHECK(near(floor_bytes(p) / 4.3e12 * 1e3, row.memory_ms, 0.03));
    CHECK(near(floor_seconds(p, h200()) * 1e3, row.causal_ms, 0.03));
  }
}

TEST_CASE("the H200's dense rate is the measured one, mma.sync's share of it undone") {
  CHECK(near(dense_rate(h200(), Precision::bf16), 790e12));
  CHECK(near(dense_rate(*facts_of_arch("sm_80"), Precision::f16), 312e12));
}

TEST_CASE("the floor's bytes and operations are those counted by hand") {
  const double rows = 64 * 768, filters = 768;
  // Each row in and out; each filter's fp16 spectrum once for 64 rows up to 8K, for 32 at 16K, for 8 from 64K on.
  CHECK(near(floor_bytes(rows_of(8192)), rows * 8192 * 4 + filters * 8192 * 2));
  CHECK(near(floor_bytes(rows_of(16384)), rows * 16384 * 4 + filters * 16384 * 2 * 2));
  CHECK(near(floor_bytes(rows_of(1 << 20)), rows * (1 << 20) * 4 + filters * (1 << 20) * 2 * 8));
  Problem gated = rows_of(1024);
  gated.pregate = gated.postgate = true;
  CHECK(near(floor_bytes(gated), rows * 1024 * 8 + filters * 1024 * 2));
  gated.postgate = false;
  CHECK(near(floor_bytes(gated), rows * 1024 * 6 + filters * 1024 * 2));
  // 32 x 32 x 32, both ways: causal half a stage and two whole ones; circular three whole ones for two rows.
  CHECK(near(floor_matrix_flops(rows_of(32768)), rows * 32768 * 2 * (4 * 32 + 8 * 64)));
  CHECK(near(floor_matrix_flops(rows_of(32768, Mode::circular)), rows * 32768 * 2 * (8 * 96) / 2));
  Problem split = rows_of(32768);
  split.precision = Precision::f32;
  CHECK(near(floor_matrix_flops(split), 3 * floor_matrix_flops(rows_of(32768))));
}

TEST_CASE("a CPU's floor is its passes of radix 4 at the fused rate, or memory where that is slower") {
  DeviceFacts d;
  d.kind = DeviceKind::cpu;
  d.arch = "x86-64-avx2";
  d.fma_f32_flops = 1e11;
  d.memory_bytes_per_s = 1e15;
  const double samples = 64. * 768 * 4096;
  // Six passes each way, the outermost half: 13.5 operations a sample and pass, 6 for the product.
  CHECK(near(floor_seconds(rows_of(4096), d), 2 * samples * (13.5 * 5.5 + 6) / 1e11));
  d.memory_bytes_per_s = 1e9;
  CHECK(near(floor_seconds(rows_of(4096), d), floor_bytes(rows_of(4096)) / 1e9));
}

TEST_CASE("the floor grows with length, batch, gates, width and precision") {
  for (const Mode mode : {Mode::causal, Mode::circular}) {
    double before = 0;
    for (std::int64_t seqlen = 1; seqlen <= 1 << 22; seqlen = seqlen + seqlen / 3 + 1) {
      const double now = floor_seconds(rows_of(seqlen, mode), h200());
      CHECK(now >= before);
      before = now;
    }
  }
  const Problem p = rows_of(4096);
  const auto with = [&](auto change) {
    Problem changed = p;
    change(changed);
    return floor_seconds(changed, h200());
  };
  const double plain = floor_seconds(p, h200());
  CHECK(with([](Problem& q) { q.batch = 65; }) > plain);
  CHECK(near(with([](Problem& q) { q.pregate = true; }), 1.5 * plain, 0.02));
  CHECK(near(with([](Problem& q) { q.io = DataType::f32; }), 2 * plain, 0.02));
  CHECK(with([](Problem& q) { q.precision = Precision::f32; }) > 2 * plain);
  CHECK(with([](Problem& q) { q.sharing = FilterSharing::per_example; }) > 1.4 * plain);
}

TEST_CASE("occupancy is bound by whichever of warps, registers and shared memory runs out first") {
  const DeviceFacts d = h200();
  KernelCounts k = plausible_counts();
  k.registers = 32;
  k.shared_per_block = 0;
  CHECK(occupancy(k, d).blocks == 8);  // 64 warps in blocks of 8
  CHECK(std::string(occupancy(k, d).limit) == "warps");
  CHECK(occupancy(k, d).fraction == 1);
  k.registers = 128;
  CHECK(occupancy(k, d).blocks == 2);  // 65,536 over 256 x 128
  CHECK(std::string(occupancy(k, d).limit) == "registers");
  k.registers = 129;
  CHECK(occupancy(k, d).blocks == 1);
  k.registers = 80;
  CHECK(occupancy(k, d).blocks == 3);
  k.registers = 81;  // handed out by eights: 88
  CHECK(occupancy(k, d).blocks == 2);
  k.registers = 32;
  k.shared_per_block = 75 << 10;
  CHECK(occupancy(k, d).blocks == 3);  // 228 KiB, one more KiB a block for the system
  k.shared_per_block += 1;
  CHECK(occupancy(k, d).blocks == 2);
  k.shared_per_block = 227 << 10;
  CHECK(occupancy(k, d).blocks == 1);
  k.shared_per_block += 1;
  CHECK(occupancy(k, d).blocks == 0);
  k.shared_per_block = 0;
  k.threads = 32;
  CHECK(occupancy(k, d).blocks == 32);
}

TEST_CASE("a kernel that does not fit costs infinitely much, and the bound says why") {
  KernelCounts k = plausible_counts();
  k.shared_per_block = 228 << 10;
  const Cost cost = predict_cuda(k, config_of({16, 16, 16}), h200());
  CHECK(std::isinf(cost.total_s));
  CHECK(cost.bound == "shared memory");
}

TEST_CASE("each term is its count over its rate when the grid fills the device evenly") {
  const DeviceFacts d = h200();
  KernelCounts k = plausible_counts();
  k.blocks = 132 * 8;
  const Cost cost = predict_cuda(k, config_of({16, 16, 16}), d);
  CHECK(near(cost.matrix_s, 5e7 * 4096 / (0.62 * 790e12)));
  CHECK(near(cost.issue_s, 1e9 / (132 * 4 * 1.98e9)));
  CHECK(near(cost.shared_s, 5e9 / (132 * 128 * 1.98e9)));
  CHECK(near(cost.memory_s, 8e8 / 4.3e12));
  CHECK(near(cost.l2_s, 4e8 / 9.6e12));
  CHECK(near(cost.occupancy, 16. / 64));
  CHECK(cost.bound == "issue");
  const double sum = cost.matrix_s + cost.issue_s + cost.shared_s + cost.memory_s + cost.l2_s;
  CHECK(near(cost.total_s, cost.issue_s + 0.05 * (sum - cost.issue_s) + d.launch_s));
}

TEST_CASE("the total is at least each term and at most their sum and the launch") {
  auto random = test::seeded();
  for (int i = 0; i < 5000; ++i) {
    const Cost c = predict_cuda(random_counts(random), config_of({16, 16, 16}, 1 + i % 2), h200());
    const double sum = c.matrix_s + c.issue_s + c.shared_s + c.memory_s + c.l2_s + c.launch_s;
    const double largest = std::max({c.matrix_s, c.issue_s, c.shared_s, c.memory_s, c.l2_s});
    if (std::isinf(c.total_s)) continue;
    REQUIRE(c.total_s >= largest);
    REQUIRE(c.total_s <= sum * (1 + 1e-12));
  }
}

TEST_CASE("more of anything never costs less") {
  auto random = test::seeded();
  for (int i = 0; i < 5000; ++i) {
    const KernelCounts k = random_counts(random);
    const KernelConfig c = config_of({16, 16, 16}, 1 + i % 2);
    const double before = predict_cuda(k, c, h200()).total_s;
    if (std::isinf(before)) continue;
    for (double KernelCounts::*amount :
         {&KernelCounts::mma, &KernelCounts::flops, &KernelCounts::instructions, &KernelCounts::shared_bytes,
          &KernelCounts::memory_bytes, &KernelCounts::l2_bytes}) {
      KernelCounts more = k;
      more.*amount *= 2;
      REQUIRE(predict_cuda(more, c, h200()).total_s >= before);
    }
    KernelCounts uncached = k;  // with tables, fewer resident blocks leave more of L1 to each
    uncached.l2_bytes = 0;
    KernelCounts fewer = uncached;
    fewer.registers = 255;
    REQUIRE(predict_cuda(fewer, c, h200()).total_s >= predict_cuda(uncached, c, h200()).total_s);
  }
}

TEST_CASE("more blocks of the same work never cost less, and the last partial wave costs a whole turn") {
  auto random = test::seeded();
  for (int i = 0; i < 200; ++i) {
    KernelCounts unit = random_counts(random);  // taken as the work of a thousand blocks
    double before = 0;
    for (std::int64_t blocks = 1; blocks < 900; ++blocks) {
      KernelCounts k = scaled(unit, static_cast<double>(blocks) / 1000);
      k.blocks = blocks;
      const double now = predict_cuda(k, config_of({16, 16, 16}), h200()).total_s;
      CAPTURE(blocks);
      REQUIRE(now >= before * (1 - 1e-12));
      before = now;
    }
  }
  KernelCounts k;
  k.threads = 256;
  k.registers = 128;
  k.shared_per_block = 64 << 10;
  const auto issue = [&](std::int64_t blocks) {
    k.blocks = blocks;
    k.instructions = 1e5 * static_cast<double>(blocks);
    return predict_cuda(k, config_of({16, 16}), h200()).issue_s;
  };
  CHECK(near(issue(132), issue(1)));
  CHECK(near(issue(133), 2 * issue(132)));
  CHECK(near(issue(264), issue(133)));
}

TEST_CASE("overlap grows with warps, a second block and a second slot") {
  CHECK(exposed_share(4, 1, 1) == 1);
  CHECK(near(exposed_share(16, 2, 2), 0.05));
  CHECK(exposed_share(8, 1, 2) > exposed_share(8, 2, 2));
  CHECK(exposed_share(8, 2, 1) > exposed_share(8, 2, 2));
  for (int warps = 1; warps < 64; ++warps) CHECK(exposed_share(warps + 1, 2, 2) <= exposed_share(warps, 2, 2));
}

TEST_CASE("equal loads cost more than three times as much without overlap, next to nothing extra with it") {
  KernelCounts k = plausible_counts();
  k.blocks = 132 * 8;
  k.mma = 1e-3 * 0.62 * 790e12 / 4096;
  k.instructions = 1e-3 * 132 * 4 * 1.98e9;
  k.shared_bytes = 1e-3 * 132 * 128 * 1.98e9;
  k.memory_bytes = 1e-3 * 4.3e12;
  k.l2_bytes = 0;
  const double full = predict_cuda(k, config_of({16, 16, 16}, 2), h200()).total_s;
  CHECK(full < 1.17e-3);
  k.shared_per_block = 200 << 10;
  k.threads = 128;
  const double none = predict_cuda(k, config_of({16, 16, 16}, 1), h200()).total_s;
  CHECK(none > 3e-3);
  CHECK(none < 4.1e-3);
}

TEST_CASE("tables that are read again come from L1 as far as the resident blocks leave room") {
  const DeviceFacts d = h200();
  const KernelConfig c = config_of({16, 16, 16});
  KernelCounts k;
  k.threads = 256;
  k.registers = 128;  // two blocks resident
  k.blocks = 264;
  k.complex_points = 264. * 10 * 4096;  // ten transforms a block
  k.l2_bytes = 264. * 10 * 20e3;        // 20 kB of tables each
  k.shared_per_block = 100 << 10;       // leaves 256 - 202 = 54 KiB, 27 for each block
  const double port = 132 * 128 * 1.98e9;
  CHECK(near(predict_cuda(k, c, d).l2_s, 264 * 20e3 / 9.6e12));  // once a block
  CHECK(near(predict_cuda(k, c, d).shared_s, 264 * 9 * 20e3 / port));
  k.shared_per_block = 113 << 10;  // leaves 28 KiB, 14 for each
  CHECK(near(predict_cuda(k, c, d).shared_s, 264 * 9 * 14 * 1024 / port));
  CHECK(near(predict_cuda(k, c, d).l2_s, (264 * 10 * 20e3 - 264 * 9 * 14 * 1024) / 9.6e12));
  k.blocks = 2640;  // each transform in a block of its own
  CHECK(predict_cuda(k, c, d).shared_s == 0);
}

TEST_CASE("few blocks cannot draw the whole memory bandwidth") {
  KernelCounts k = plausible_counts();
  k.blocks = 8;
  CHECK(near(predict_cuda(k, config_of({16, 16, 16}), h200()).memory_s, 8e8 / (8 * 64 * 1.98e9)));
}

TEST_CASE("a launch of next to nothing is bound by the launch") {
  KernelCounts k = plausible_counts();
  k = scaled(k, 1e-9);
  const Cost cost = predict_cuda(k, config_of({16, 16}), h200());
  CHECK(cost.bound == "launch");
  CHECK(cost.total_s >= h200().launch_s);
}

TEST_CASE("on a CPU arithmetic, vector instructions and bytes bind in turn") {
  DeviceFacts d;
  d.kind = DeviceKind::cpu;
  d.arch = "x86-64-avx512";
  d.sm_count = 2;
  d.clock_hz = 3e9;
  d.memory_bytes_per_s = 4e10;
  d.l2_bytes_per_s = 2e11;
  d.shared_bytes_per_clock = 128;
  d.fma_f32_flops = 2 * 3e9 * 64;
  d.launch_s = 1e-6;
  KernelConfig c = config_of({4, 16, 64});
  c.engine = Engine::vector;
  c.interleave = 2;
  KernelCounts k;
  k.blocks = 2;
  k.flops = 3.84e11;
  CHECK(near(predict_cpu(k, c, d).matrix_s, 1));
  CHECK(predict_cpu(k, c, d).bound == "arithmetic");
  k.instructions = 1.8e10;
  CHECK(near(predict_cpu(k, c, d).issue_s, 2));
  CHECK(predict_cpu(k, c, d).bound == "issue");
  k.memory_bytes = 1.6e11;
  CHECK(predict_cpu(k, c, d).bound == "memory");
  CHECK(near(predict_cpu(k, c, d).total_s, 4 + 0.2 * 3 + 1e-6));
  k.blocks = 3;  // two turns on two cores: the second half empty
  CHECK(near(predict_cpu(k, c, d).issue_s, 2 * 4. / 3));
  k.shared = true;  // long rows: both cores share the third
  CHECK(near(predict_cpu(k, c, d).issue_s, 2 * (1 + 1.15 / 2) * 2 / 3));
  k.shared = false;
  const double interleaved = predict_cpu(k, c, d).total_s;
  c.interleave = 1;
  CHECK(predict_cpu(k, c, d).total_s > interleaved);
}

TEST_CASE("equation 2 of FlashFFTConv is computed as printed") {
  DeviceFacts d;
  d.sm_count = 100;
  d.clock_hz = 1e9;
  d.shared_bytes_per_clock = 128;  // 12.8e12 bytes a second on chip
  d.memory_bytes_per_s = 4e12;
  d.l2_bytes_per_s = 8e12;
  d.mma_f16_flops = 5e14;
  d.fma_f32_flops = 5e13;
  Problem p = rows_of(4096);
  p.batch = 2;
  p.channels = 3;
  const double n = 4096;
  // Three steps of radix 16, the first from device memory.
  CHECK(near(predict_eq2(p, config_of({16, 16, 16}), d),
             6 * (3 * 16 * n * 16 / 5e14 + 4 * n / 4e12 + 2 * 4 * n / 12.8e12)));
  // Radices below 16 run at the general rate.
  CHECK(near(predict_eq2(p, config_of({8, 16, 32}), d),
             6 * (16 * n * 8 / 5e13 + 16 * n * 48 / 5e14 + 4 * n / 4e12 + 2 * 4 * n / 12.8e12)));
  KernelConfig multipass = config_of({16, 16, 16});
  multipass.strategy = Strategy::multipass;
  CHECK(predict_eq2(p, multipass, d) > predict_eq2(p, config_of({16, 16, 16}), d));
}

TEST_CASE("predicted time grows with the batch, for the model's first choice") {
  for (const std::int64_t seqlen : {256, 4096}) {
    Problem p = rows_of(seqlen);
    const auto first = rank(p, h200());
    REQUIRE_FALSE(first.empty());
    double before = 0;
    for (p.batch = 1; p.batch <= 256; p.batch *= 2) {
      const Cost cost = predict(p, first.front().config, h200());
      CAPTURE(p.batch);
      CHECK(cost.total_s >= before);
      before = cost.total_s;
    }
    CHECK(before > 4 * h200().launch_s);
  }
}

TEST_CASE("the ranking holds the whole space, best first, the same each time") {
  const Problem p = rows_of(4096);
  const auto ranked = rank(p, h200());
  const auto again = rank(p, h200());
  REQUIRE_FALSE(ranked.empty());
  CHECK(ranked.size() == search_space(p, h200()).configs.size());
  REQUIRE(again.size() == ranked.size());
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    REQUIRE(again[i].config == ranked[i].config);
    CHECK(std::isfinite(ranked[i].cost.total_s));
    CHECK_FALSE(ranked[i].cost.bound.empty());
    CHECK((i == 0 || ranked[i - 1].cost.total_s <= ranked[i].cost.total_s));
  }
}

TEST_CASE("no candidate is predicted to beat the floor") {
  for (const std::int64_t seqlen : {256, 1024, 4096, 16384}) {
    for (const auto& arch : known_archs()) {
      const DeviceFacts d = *facts_of_arch(arch);
      const Problem p = rows_of(seqlen);
      const auto ranked = rank(p, d);
      CAPTURE(arch);
      CAPTURE(seqlen);
      if (ranked.empty()) continue;
      CAPTURE(to_string(ranked.front().config));
      CHECK(ranked.front().cost.total_s >= 0.97 * floor_seconds(p, d));
    }
  }
}
