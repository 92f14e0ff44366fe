// Which machine this is.
#include <sys/utsname.h>

#include <ctime>

#include "fftconv/nvrtc.h"
#include "suite/section.h"

namespace fftconv::gpu_suite {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

class FactsSection final : public Section {
 public:
  std::string name() const override { return "facts"; }
  double share() const override { return 0.05; }
  double case_limit_s() const override { return 60; }
  std::vector<std::string> cases() const override { return {"device"}; }
  std::vector<NamedSource> sources(const DeviceFacts&) const override { return {}; }

  Json run(Gpu& gpu, const std::string& case_name) override {
    const DeviceFacts& facts = gpu.device().facts();
    utsname system{};
    uname(&system);
    return {{"case", case_name},
            {"status", "ok"},
            {"date", utc_now()},
            {"device", facts.name},
            {"arch", facts.arch},
            {"driver", gpu.device().driver_version()},
            {"compiler", gpu.device().compiler_version()},
            {"system", std::string(system.sysname) + " " + system.release},
            {"sm_count", facts.sm_count},
            {"clock_hz", facts.clock_hz},
            {"shared_per_block", facts.shared_per_block},
            {"shared_per_sm", facts.shared_per_sm},
            {"registers_per_sm", facts.registers_per_sm},
            {"max_warps_per_sm", facts.max_warps_per_sm},
            {"l2_bytes", facts.l2_bytes},
            {"memory_bytes_per_s_from_pins", facts.memory_bytes_per_s}};
  }
};

}  // namespace

std::unique_ptr<Section> make_facts_section() { return std::make_unique<FactsSection>(); }

}  // namespace fftconv::gpu_suite
