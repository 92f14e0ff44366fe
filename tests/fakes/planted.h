// Candidates that misbehave on purpose, in a worker process with the fake device.
#pragma once

#include <cstdint>
#include <string>

#include "fftconv/cost_model.h"
#include "fftconv/fake_device.h"

namespace fftconv::test {

/// Names the file that says which candidate does what: lines "<plant> <config>".
constexpr const char* kPlantsVariable = "FFTCONV_TEST_PLANTS";

/// The device that both sides open; in the worker with the plants at work.
inline FakeScript plain_script() {
  FakeScript script;
  script.facts = *facts_of_arch("sm_90a");
  script.facts.kind = DeviceKind::fake;
  script.facts.name = "fake sm_90a";
  // From the text, so that the two processes agree.
  script.sample = [](const KernelConfig& config, int) {
    std::uint64_t hash = 1469598103934665603ull;
    for (const char c : to_string(config)) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    return Sample{.seconds = 1e-5 * (1 + static_cast<double>(hash % 1000) / 4000), .clock_hz = 1.7e9};
  };
  return script;
}

}  // namespace fftconv::test
