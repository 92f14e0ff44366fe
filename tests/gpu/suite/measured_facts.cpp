#include "suite/measured_facts.h"

#include "suite/records.h"

namespace fftconv::gpu_suite {

DeviceFacts with_measured_rates(DeviceFacts facts, const std::filesystem::path& results) {
  const struct {
    const char* name;
    double* rate;
  } rates[] = {{"memory_bytes_per_s", &facts.memory_bytes_per_s},
               {"l2_bytes_per_s", &facts.l2_bytes_per_s},
               {"shared_bytes_per_clock", &facts.shared_bytes_per_clock},
               {"mma_f16_flops", &facts.mma_f16_flops},
               {"mma_f16f32_flops", &facts.mma_f16f32_flops},
               {"mma_bf16_flops", &facts.mma_bf16_flops},
               {"fma_f32_flops", &facts.fma_f32_flops},
               {"launch_s", &facts.launch_s}};
  int found = 0;
  for (const Json& record : Records(results, "ceilings").read()) {
    if (!record.contains("facts")) continue;
    for (const auto& rate : rates) {
      if (!record["facts"].contains(rate.name) || !record["facts"][rate.name].is_number()) continue;
      *rate.rate = record["facts"][rate.name].get<double>();
      ++found;
    }
  }
  facts.measured = found == static_cast<int>(std::size(rates));
  return facts;
}

}  // namespace fftconv::gpu_suite
