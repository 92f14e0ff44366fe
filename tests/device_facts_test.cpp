#include "fftconv/device_facts.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

#include "cpu_facts.h"
#include "near.h"

using namespace fftconv;
using test::near;

TEST_CASE("the six supported architectures have complete facts") {
  CHECK(known_archs() == std::vector<std::string>{"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"});
  for (const auto& arch : known_archs()) {
    CAPTURE(arch);
    const auto facts = facts_of_arch(arch);
    REQUIRE(facts.ok());
    CHECK(facts->kind == DeviceKind::cuda);
    CHECK(facts->arch == arch);
    CHECK_FALSE(facts->name.empty());
    CHECK(facts->sm_count > 0);
    CHECK(facts->registers_per_sm == 65536);
    CHECK(facts->max_warps_per_sm >= 48);
    CHECK(facts->l2_bytes >= 6 << 20);
    CHECK(facts->l2_bytes_per_s > facts->memory_bytes_per_s);
    CHECK(facts->mma_f16f32_flops <= facts->mma_f16_flops);
    CHECK(facts->fma_f32_flops < facts->mma_f16f32_flops);
    CHECK(facts->fma_f32_flops > 1e13);
    CHECK(facts->clock_hz > 1e9);
    CHECK(facts->clock_hz < 4e9);
    CHECK(facts->launch_s > 0);
    CHECK(facts->shared_bytes_per_clock == 128);
    CHECK_FALSE(facts->measured);  // not every rate is
  }
}

TEST_CASE("nominal rates follow from what a CPU is, whatever was measured, and other devices keep theirs") {
  const DeviceFacts cpu = with_nominal_rates(test::cpu_facts());
  CHECK(near(cpu.fma_f32_flops, 2 * 3e9 * 64));  // two threads, two units of 16 lanes, multiply and add
  CHECK(cpu.l2_bytes_per_s > cpu.memory_bytes_per_s);
  CHECK(cpu.memory_bytes_per_s > 1e10);
  CHECK_FALSE(cpu.measured);

  DeviceFacts measured = test::cpu_facts();
  measured.clock_hz = 4.4e9;
  measured.memory_bytes_per_s = 9e9;
  measured.launch_s = 0;
  measured.measured = true;
  CHECK(with_nominal_rates(measured) == cpu);

  DeviceFacts larger = test::cpu_facts();
  larger.sm_count = 64;
  larger.vector_lanes = 8;
  CHECK(near(with_nominal_rates(larger).fma_f32_flops, 16 * cpu.fma_f32_flops));
  CHECK(near(with_nominal_rates(larger).memory_bytes_per_s, 4 * cpu.memory_bytes_per_s));  // eight cores fill it
  CHECK(with_nominal_rates(larger).l2_bytes == larger.l2_bytes);

  const DeviceFacts h200 = facts_of_arch("sm_90a").value();
  CHECK(with_nominal_rates(h200) == h200);
}

TEST_CASE("a block's shared memory is its architecture's opt-in maximum") {
  struct Maximum {
    const char* arch;
    int kib;
  };
  for (const Maximum& maximum : {Maximum{"sm_80", 163}, Maximum{"sm_86", 99}, Maximum{"sm_89", 99},
                                 Maximum{"sm_90a", 227}, Maximum{"sm_100a", 227}, Maximum{"sm_120", 99}}) {
    CAPTURE(maximum.arch);
    const auto facts = facts_of_arch(maximum.arch);
    REQUIRE(facts.ok());
    CHECK(facts->shared_per_block == maximum.kib * 1024);
    CHECK(facts->shared_per_sm == (maximum.kib + 1) * 1024);  // one KiB a block is the system's
  }
}

TEST_CASE("the H200's rates are those reported of it") {
  const auto facts = facts_of_arch("sm_90a");
  REQUIRE(facts.ok());
  CHECK(facts->memory_bytes_per_s == 4.3e12);
  CHECK(facts->l2_bytes_per_s == 9.6e12);
  CHECK(near(facts->mma_bf16_flops, 0.62 * 790e12));
}

TEST_CASE("an unknown architecture is refused with the list of known ones") {
  for (const char* arch : {"", "sm_90", "sm_70", "SM_80", "sm_80 ", "x86-64"}) {
    CAPTURE(arch);
    const auto facts = facts_of_arch(arch);
    REQUIRE_FALSE(facts.ok());
    CHECK(facts.error().code == ErrorCode::unsupported);
    CHECK(facts.error().message.find("sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120") != std::string::npos);
  }
}
