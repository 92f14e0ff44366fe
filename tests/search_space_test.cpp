#include "fftconv/search_space.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <set>

#include "fftconv/kernel_source.h"
#include "random_problem.h"

using namespace fftconv;

namespace {

using Radices = std::vector<int>;

std::int64_t product(const Radices& radices) {
  return std::accumulate(radices.begin(), radices.end(), std::int64_t{1}, std::multiplies<>());
}

bool is_matrix_radix(int radix) { return radix % 16 == 0 && radix <= 64; }
bool is_left_over(int radix) { return radix == 2 || radix == 3 || radix == 4 || radix == 5 || radix == 8; }

DeviceFacts cuda_device(const char* arch = "sm_90a") { return *facts_of_arch(arch); }

DeviceFacts cpu_device() {
  DeviceFacts d;
  d.kind = DeviceKind::cpu;
  d.name = "a CPU";
  d.arch = "x86-64-avx2";
  d.sm_count = 8;
  d.clock_hz = 3e9;
  d.shared_per_block = 1 << 20;
  d.shared_per_sm = 32 << 10;
  d.l2_bytes = 32 << 20;
  d.memory_bytes_per_s = 4e10;
  d.l2_bytes_per_s = 2e11;
  d.shared_bytes_per_clock = 64;
  d.fma_f32_flops = 8 * 3e9 * 32;
  d.launch_s = 5e-6;
  d.vector_lanes = 8;
  return d;
}

Problem problem_of(std::int64_t seqlen, Mode mode = Mode::causal, Precision precision = Precision::f16) {
  Problem p;
  p.mode = mode;
  p.seqlen = p.filter_len = seqlen;
  p.batch = 4;
  p.channels = 16;
  p.precision = precision;
  p.io = precision == Precision::f32 ? DataType::f32 : precision == Precision::f16 ? DataType::f16 : DataType::bf16;
  return p;
}

}  // namespace

TEST_CASE("every list of radices keeps the rules of the CUDA family") {
  for (const std::int64_t seqlen : {1, 2, 17, 255, 256, 257, 1000, 1024, 4095, 4096, 5000, 16384, 30011, 32768, 65536,
                                    160002, 1 << 20, 1 << 22}) {
    for (int order = 2; order <= 4; ++order) {
      CAPTURE(seqlen);
      CAPTURE(order);
      const auto lists = factorisations(seqlen, order);
      CHECK(lists.size() <= 12);
      CHECK(std::set<Radices>(lists.begin(), lists.end()).size() == lists.size());
      for (std::size_t i = 0; i < lists.size(); ++i) {
        const Radices& list = lists[i];
        REQUIRE(list.size() == static_cast<std::size_t>(order));
        CHECK(product(list) >= seqlen);
        CHECK((i < 2 || static_cast<double>(product(list)) <= 1.34 * static_cast<double>(product(lists[0]))));
        CHECK((i == 0 || product(lists[i - 1]) <= product(list)));
        const int r = list[order - 2], c = list[order - 1];
        CHECK(is_matrix_radix(r));
        CHECK(is_matrix_radix(c));
        CHECK(r * c <= 1024);
        for (int digit = 0; digit < order - 2; ++digit) {
          CHECK((is_left_over(list[digit]) || is_matrix_radix(list[digit])));
          // Left-overs stand first.
          CHECK_FALSE((digit > 0 && is_left_over(list[digit]) && is_matrix_radix(list[digit - 1])));
        }
      }
    }
  }
}

TEST_CASE("the family's powers of two are found as balanced products") {
  CHECK(factorisations(256, 2).front() == Radices{16, 16});
  CHECK(factorisations(1024, 2) == std::vector<Radices>{{32, 32}, {16, 64}, {64, 16}});
  CHECK(factorisations(4096, 3).front() == Radices{16, 16, 16});
  CHECK(factorisations(32768, 3).front() == Radices{32, 32, 32});
  CHECK(factorisations(65536, 4).front() == Radices{16, 16, 16, 16});
}

TEST_CASE("the transform length follows the row's length, not the next power of two") {
  CHECK(product(factorisations(160002, 4).front()) == 160 * 1024);
  CHECK(product(factorisations(2049, 3).front()) == 2304);  // 3 x 16 x 48
  CHECK(product(factorisations(1, 2).front()) == 256);
}

TEST_CASE("an order that is too low for the length, or unknown, has no list") {
  CHECK(factorisations(1025, 2).empty());
  CHECK(factorisations(64 * 1024 + 1, 3).empty());
  CHECK(factorisations((std::int64_t{1} << 22) + 1, 4).empty());
  CHECK(factorisations(256, 1).empty());
  CHECK(factorisations(256, 5).empty());
  CHECK(factorisations(0, 3).empty());
  CHECK(factorisations(-5, 3).empty());
}

TEST_CASE("no shorter transform of the same order is left out") {
  auto random = test::seeded();
  constexpr int outer[] = {2, 3, 4, 5, 8, 16, 32, 48, 64};
  constexpr int core[][2] = {{16, 16}, {16, 32}, {16, 48}, {16, 64}, {32, 32}};
  for (int i = 0; i < 300; ++i) {
    const std::int64_t seqlen = test::between(random, 1, 1 << 22);
    std::int64_t shortest[2] = {INT64_MAX, INT64_MAX};  // orders 3 and 4, by brute force
    for (const auto& rc : core) {
      for (const int a : outer) {
        const std::int64_t three = std::int64_t{a} * rc[0] * rc[1];
        if (three >= seqlen) shortest[0] = std::min(shortest[0], three);
        for (const int b : outer) {
          if (three * b >= seqlen) shortest[1] = std::min(shortest[1], three * b);
        }
      }
    }
    CAPTURE(seqlen);
    for (int order = 3; order <= 4; ++order) {
      const auto lists = factorisations(seqlen, order);
      REQUIRE(lists.empty() == (shortest[order - 3] == INT64_MAX));
      if (!lists.empty()) CHECK(product(lists.front()) == shortest[order - 3]);
    }
  }
}

TEST_CASE("a search space holds legal candidates of the device's kind, each once, always in the same order") {
  for (const DeviceFacts& device : {cuda_device(), cuda_device("sm_86"), cpu_device()}) {
    for (const std::int64_t seqlen : {256, 1000, 4096}) {
      const Problem p = problem_of(seqlen);
      CAPTURE(device.arch);
      CAPTURE(to_string(p));
      const SearchSpace space = search_space(p, device);
      REQUIRE_FALSE(space.configs.empty());
      std::set<std::string> texts;
      for (const KernelConfig& c : space.configs) {
        CAPTURE(to_string(c));
        texts.insert(to_string(c));
        CHECK((c.engine == Engine::vector) == (device.kind == DeviceKind::cpu));
        CHECK(transform_length(c) > 0);
        CHECK(check_legal(p, c, device).ok());
        const auto back = parse_config(to_string(c));
        REQUIRE(back.ok());
        CHECK(*back == c);
      }
      CHECK(texts.size() == space.configs.size());
      CHECK(search_space(p, device).configs == space.configs);
    }
  }
}

TEST_CASE("a simulated device has the candidates of the real one, a fake device those of its architecture") {
  DeviceFacts device = cuda_device();
  const Problem p = problem_of(1024);
  const auto real = search_space(p, device).configs;
  device.kind = DeviceKind::sim;
  CHECK(search_space(p, device).configs == real);
  device.kind = DeviceKind::fake;
  CHECK(search_space(p, device).configs == real);
  DeviceFacts fake_cpu = cpu_device();
  fake_cpu.kind = DeviceKind::fake;
  CHECK(search_space(p, fake_cpu).configs == search_space(p, cpu_device()).configs);
}

TEST_CASE("the default is legal on every architecture, in every mode and precision") {
  std::vector<DeviceFacts> devices{cpu_device()};
  for (const auto& arch : known_archs()) devices.push_back(*facts_of_arch(arch));
  for (const DeviceFacts& device : devices) {
    for (const Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
      for (const Precision precision : {Precision::f16, Precision::bf16, Precision::f32}) {
        const Problem p = problem_of(1024, mode, precision);
        CAPTURE(device.arch);
        CAPTURE(to_string(p));
        const auto chosen = default_config(p, device);
        REQUIRE_MESSAGE(chosen.ok(), chosen.error().message);
        CHECK(check_legal(p, *chosen, device).ok());
        CHECK(*default_config(p, device) == *chosen);
      }
    }
  }
}

TEST_CASE("a default exists wherever a candidate does, and only there") {
  auto random = test::seeded();
  for (int i = 0; i < 60; ++i) {
    Problem p = test::random_problem(random);
    p.seqlen = std::min<std::int64_t>(p.seqlen, 1 << 16);
    p.filter_len = std::min(p.filter_len, p.seqlen);
    p.strides = {};
    const DeviceFacts device = test::coin(random) ? cuda_device() : cpu_device();
    CAPTURE(device.arch);
    CAPTURE(to_string(p));
    const SearchSpace space = search_space(p, device);
    const auto chosen = default_config(p, device);
    if (!space.configs.empty()) REQUIRE_MESSAGE(chosen.ok(), chosen.error().message);
    if (chosen) CHECK(check_legal(p, *chosen, device).ok());
    if (space.configs.empty() && !chosen) CHECK_FALSE(chosen.error().message.empty());
  }
}

TEST_CASE("a problem that means nothing has no candidate, and its space says why") {
  Problem p = problem_of(4096);
  p.seqlen = 0;
  const SearchSpace space = search_space(p, cuda_device());
  CHECK(space.configs.empty());
  REQUIRE(space.refused.size() == 1);
  CHECK(space.refused[0].reason.find("seqlen 0") != std::string::npos);
  const auto chosen = default_config(p, cuda_device());
  REQUIRE_FALSE(chosen.ok());
  CHECK(chosen.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("where nothing computes a problem, the refusal of a default names the problem, the device and the reason") {
  const Problem p = problem_of(1 << 26);
  const auto chosen = default_config(p, cuda_device());
  REQUIRE_FALSE(chosen.ok());
  CHECK(chosen.error().code == ErrorCode::unsupported);
  CAPTURE(chosen.error().message);
  CHECK(chosen.error().message.starts_with("no kernel of this library computes causal/L67108864/"));
  CHECK(chosen.error().message.find(" on sm_90a: ") != std::string::npos);
  CHECK(chosen.error().message.size() > 100);
}

TEST_CASE("refusals carry a reason and a count, the most frequent first") {
  Problem p = problem_of(32768, Mode::causal, Precision::f32);
  p.io = DataType::f32;
  const SearchSpace space = search_space(p, cuda_device("sm_86"));  // 99 KB of shared memory
  for (std::size_t i = 0; i < space.refused.size(); ++i) {
    CHECK(space.refused[i].count > 0);
    CHECK(space.refused[i].reason.size() > 10);
    CHECK((i == 0 || space.refused[i - 1].count >= space.refused[i].count));
  }
}

TEST_CASE("refusals that differ in numbers alone are one reason, told by the nearest miss") {
  const Problem p = problem_of(1 << 20);  // far more than one multiprocessor holds
  const SearchSpace space = search_space(p, cuda_device());
  std::set<std::string> kinds;
  for (const auto& refusal : space.refused) {
    std::string kind = refusal.reason;
    std::erase_if(kind, [](char c) { return c >= '0' && c <= '9'; });
    CHECK(kinds.insert(kind).second);
  }
  const auto shared = std::find_if(space.refused.begin(), space.refused.end(), [](const auto& refusal) {
    return refusal.reason.find("bytes of shared memory") != std::string::npos;
  });
  REQUIRE(shared != space.refused.end());
  CHECK(shared->count > 10);
  std::int64_t least = INT64_MAX;  // of all lists of radices, with one row in flight
  for (const auto& list : factorisations(p.seqlen, 4)) {
    KernelConfig c = default_config(problem_of(4096), cuda_device()).value();
    c.radices = list;
    const auto legal = check_legal(p, c, cuda_device());
    REQUIRE_FALSE(legal.ok());
    std::int64_t bytes = 0;
    if (std::sscanf(legal.error().message.c_str(), "needs %ld bytes", &bytes) == 1) least = std::min(least, bytes);
  }
  std::int64_t told = 0;
  REQUIRE(std::sscanf(shared->reason.c_str(), "needs %ld bytes", &told) == 1);
  CHECK(told <= least);
}

TEST_CASE("an engine of the other kind of device is refused with a sentence") {
  const Problem p = problem_of(1024);
  const auto gpu = default_config(p, cuda_device());
  const auto cpu = default_config(p, cpu_device());
  REQUIRE((gpu.ok() && cpu.ok()));
  const auto wrong = check_legal(p, *cpu, cuda_device());
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().code == ErrorCode::unsupported);
  CHECK(wrong.error().message.find("engine vector does not run on cuda device sm_90a") != std::string::npos);
  CHECK_FALSE(check_legal(p, *gpu, cpu_device()).ok());
  CHECK_FALSE(emit(p, *gpu, cpu_device()).ok());
}
