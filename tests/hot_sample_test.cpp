// What comes before a hot sample: one untimed launch, on other inputs. The CUDA device's is in cuda_device_test.
#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "cpu/cpu_device.h"
#include "fake_bench.h"
#include "fftconv/measure.h"
#include "fftconv/search_space.h"
#include "forwarding_device.h"

using namespace fftconv;

namespace {

/// Writes down the arguments of its launches.
class RecordingKernel : public LoadedKernel {
 public:
  Result<void> launch(const KernelEntry&, const KernelArgs& args, Stream) const override {
    launched.push_back(args.batch);
    return args.batch == kFails ? Result<void>(Error{ErrorCode::launch_failed, "as planned"}) : Result<void>();
  }
  static constexpr std::int64_t kFails = -1;
  mutable std::vector<std::int64_t> launched;
};

KernelArgs args_of(std::int64_t batch) {
  KernelArgs args;
  args.batch = batch;
  return args;
}

struct Asked {
  const void* timed;
  const void* warm;  ///< null: none
  bool cold;
};

/// A fake device that writes down what samples are asked of it.
class RecordingDevice : public ForwardingDevice {
 public:
  explicit RecordingDevice(FakeScript script) : ForwardingDevice(make_fake_device(std::move(script))) {}
  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args, bool cold,
                        const KernelArgs* warm) override {
    asked.push_back({args.u, warm ? warm->u : nullptr, cold});
    return ForwardingDevice::sample(kernel, entry, args, cold, warm);
  }
  std::vector<Asked> asked;
};

/// What a runner asks of its device, and on which inputs launches were made, in six samples.
struct SixSamples {
  std::vector<Asked> asked;
  std::vector<const void*> launched;

  explicit SixSamples(bool cold) {
    FakeScript script;
    script.facts = *facts_of_arch("sm_90a");
    script.facts.kind = DeviceKind::fake;
    script.facts.l2_bytes = 10'000;
    script.trespass = [this](const KernelConfig&, const KernelArgs& args) { launched.push_back(args.u); };
    const auto device = std::make_shared<RecordingDevice>(std::move(script));
    const auto context = Context::create(device, {.use_disk = false}).value();
    const Problem problem = small_problem();
    const auto runner = make_runner(*context, problem, {.cold = cold}).value();
    const KernelConfig config = default_config(problem, device->facts()).value();
    const Measurement prepared = runner->prepare(config).value();
    REQUIRE_MESSAGE(prepared.status == TrialStatus::measured, prepared.reason);
    launched.clear();
    for (int i = 0; i < 6; ++i) REQUIRE(runner->sample(config));
    asked = device->asked;
  }
};

}  // namespace

TEST_CASE("the CPU device launches a hot sample's kernel untimed on the other arguments, then on its own") {
  const auto device = make_cpu_device(1).value();
  const KernelEntry entry;
  const KernelArgs args = args_of(64), warm = args_of(32), fails = args_of(RecordingKernel::kFails);
  const RecordingKernel hot, alone, cold;
  REQUIRE(device->sample(hot, entry, args, false, &warm));
  CHECK(hot.launched == std::vector<std::int64_t>{32, 64});
  REQUIRE(device->sample(alone, entry, args, false));
  CHECK(alone.launched == std::vector<std::int64_t>{64});
  REQUIRE(device->sample(cold, entry, args, true, &warm));
  CHECK(cold.launched == std::vector<std::int64_t>{64});
  const auto failed = device->sample(hot, entry, args, false, &fails);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::launch_failed);
}

TEST_CASE("a runner's hot sample is two launches, on inputs that take turns") {
  const SixSamples hot(false);
  REQUIRE(hot.asked.size() == 6);
  REQUIRE(hot.launched.size() == 12);
  std::set<const void*> inputs;
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK_FALSE(hot.asked[i].cold);
    REQUIRE(hot.asked[i].warm);
    CHECK(hot.asked[i].warm != hot.asked[i].timed);
    CHECK(hot.launched[2 * i] == hot.asked[i].warm);
    CHECK(hot.launched[2 * i + 1] == hot.asked[i].timed);
    if (i > 0) CHECK(hot.asked[i].warm != hot.asked[i - 1].timed);
    inputs.insert({hot.asked[i].warm, hot.asked[i].timed});
  }
  CHECK(inputs.size() > 2);
}

TEST_CASE("a runner's cold sample is one launch") {
  const SixSamples cold(true);
  REQUIRE(cold.asked.size() == 6);
  CHECK(cold.launched.size() == 6);
  for (const Asked& asked : cold.asked) {
    CHECK(asked.cold);
    CHECK_FALSE(asked.warm);
  }
}
