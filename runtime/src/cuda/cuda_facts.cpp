#include "cuda/cuda_facts.h"

#include <fmt/format.h>

namespace fftconv::cuda {
namespace {

/// A copy reaches about this part of the pins' bandwidth (4.3 of 4.9 TB/s, as others report of an H200).
constexpr double kCopyOfPins = 0.88;

struct Known {
  int major, minor;
  const char* arch;
  bool architecture_specific;  ///< an "a" target: runs on exactly this capability
};
constexpr Known kKnown[] = {{8, 0, "sm_80", false}, {8, 6, "sm_86", false},   {8, 9, "sm_89", false},
                            {9, 0, "sm_90a", true}, {10, 0, "sm_100a", true}, {12, 0, "sm_120", false}};

}  // namespace

Result<Target> target_for(int major, int minor) {
  const Known* best = nullptr;
  for (const Known& known : kKnown) {
    if (known.major == major && known.minor <= minor) best = &known;
  }
  if (!best) {
    return unsupported(fmt::format(
        "Compute capability {}.{} is not supported: fftconv compiles for 8.0, 8.6, 8.9, 9.0, 10.0 and 12.0 and later "
        "ones of the same generations.",
        major, minor));
  }
  // Plain machine code runs on later capabilities of its generation, "a" code does not.
  return Target{best->arch, best->minor == minor || !best->architecture_specific};
}

Result<DeviceFacts> facts_of(const CudaContext& context) {
  const auto target = target_for(context.attribute(attribute_major), context.attribute(attribute_minor));
  if (!target) return target.error();
  auto typical = facts_of_arch(target->arch);
  if (!typical) return typical.error();

  DeviceFacts facts = *typical;
  const double typical_sm_clocks = facts.sm_count * facts.clock_hz;
  facts.kind = DeviceKind::cuda;
  facts.name = context.name();
  facts.sm_count = context.attribute(attribute_sm_count);
  facts.clock_hz = context.attribute(attribute_clock_khz) * 1e3;
  facts.shared_per_block = context.attribute(attribute_shared_per_block_optin);
  facts.shared_per_sm = context.attribute(attribute_shared_per_sm);
  facts.registers_per_sm = context.attribute(attribute_registers_per_sm);
  facts.max_warps_per_sm = context.attribute(attribute_threads_per_sm) / 32;
  facts.l2_bytes = context.attribute(attribute_l2_bytes);
  facts.measured = false;

  // Data moves on both edges of the memory clock.
  const double pins =
      2.0 * context.attribute(attribute_memory_clock_khz) * 1e3 * context.attribute(attribute_memory_bus_bits) / 8.0;
  if (pins > 0) facts.memory_bytes_per_s = kCopyOfPins * pins;

  const double scale = typical_sm_clocks > 0 ? facts.sm_count * facts.clock_hz / typical_sm_clocks : 0;
  if (scale > 0) {
    for (double* rate : {&facts.mma_f16_flops, &facts.mma_f16f32_flops, &facts.mma_bf16_flops, &facts.fma_f32_flops,
                         &facts.l2_bytes_per_s}) {
      *rate *= scale;
    }
  }
  return facts;
}

}  // namespace fftconv::cuda
