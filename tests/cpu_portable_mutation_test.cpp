// Portable kernels that are broken in one place, and the check that refuses each before its time would count. A
// program of its own, since the component is opened once a process.
#include <doctest/doctest.h>

#include <cstring>

#include "cpu/cpu_device.h"
#include "fftconv/measure.h"
#include "fftconv/plan.h"
#include "fftconv/portable_shape.h"
#include "fftconv/search_space.h"
#include "fftconv/settings.h"
#include "forwarding_device.h"

using namespace fftconv;

namespace {

using Break = void (*)(PortableShape& shape, float* tables);
struct Mutation {
  const char* name;
  Break apply;
};

constexpr Mutation kMutations[] = {
    {"taps stand a lag too far", [](PortableShape& s, float*) { ++s.first_lag; }},
    {"lags run the other way", [](PortableShape& s, float*) { s.lag_step = -s.lag_step; }},
    {"the last tap is missing", [](PortableShape& s, float*) { --s.filter_len; }},
    {"the skip term is left out", [](PortableShape& s, float*) { s.skip = false; }},
    {"the input's gate is left out", [](PortableShape& s, float*) { s.pregate = false; }},
    {"the output's gate is left out", [](PortableShape& s, float*) { s.postgate = false; }},
    {"a twiddle of the root is conjugated",
     [](PortableShape& s, float*) { s.root_twiddles[1] = -s.root_twiddles[1]; }},
    {"a number of the last leaf is off by a thousandth",
     [](PortableShape& s, float* tables) {
       const std::int64_t leaves = s.length / (s.leaf_radix * s.lanes);
       tables[s.leaf_scalars + (leaves - 1) * s.leaf_scalars_each] += 1e-3f;
     }},
};

/// A kernel whose tables, and with them its shape, are broken on the way in.
class BrokenKernel : public LoadedKernel {
 public:
  BrokenKernel(std::shared_ptr<const LoadedKernel> kernel, std::unique_ptr<DeviceBuffer> tables, Break apply)
      : kernel_(std::move(kernel)), tables_(std::move(tables)), apply_(apply) {}
  Result<void> launch(const KernelEntry& entry, const KernelArgs& args, Stream stream) const override {
    std::memcpy(tables_->data(), args.tables, tables_->size());
    auto* const shape = static_cast<PortableShape*>(tables_->data());
    apply_(*shape, reinterpret_cast<float*>(shape + 1));
    KernelArgs broken = args;
    broken.tables = tables_->data();
    return kernel_->launch(entry, broken, stream);
  }

 private:
  std::shared_ptr<const LoadedKernel> kernel_;
  std::unique_ptr<DeviceBuffer> tables_;
  Break apply_;
};

class BrokenDevice : public ForwardingDevice {
 public:
  BrokenDevice(std::shared_ptr<Device> device, Break apply) : ForwardingDevice(std::move(device)), apply_(apply) {}
  Result<std::shared_ptr<const LoadedKernel>> load(const KernelSource& source,
                                                   const CompiledKernel& kernel) override {
    auto loaded = inner().load(source, kernel);
    if (!loaded) return loaded.error();
    auto tables = inner().allocate(source.tables.size());
    if (!tables) return tables.error();
    return std::shared_ptr<const LoadedKernel>(
        std::make_shared<BrokenKernel>(std::move(*loaded), std::move(*tables), apply_));
  }
  Result<Sample> sample(const LoadedKernel&, const KernelEntry&, const KernelArgs&, bool,
                        const KernelArgs*) override {
    return invalid("Broken kernels are not timed.");
  }

 private:
  Break apply_;
};

/// What the check before the first timed launch says of the default kernel.
Measurement checked(Break apply) {
  Settings without = settings();
  without.llvm_component = "off";
  without.host_compiler.clear();
  set_settings(without);
  const Problem problem{.mode = Mode::bidirectional,
                        .seqlen = 1000,
                        .filter_len = 300,
                        .batch = 2,
                        .channels = 2,
                        .pregate = true,
                        .postgate = true,
                        .skip = true};
  auto device = std::make_shared<BrokenDevice>(make_cpu_device(1).value(), apply);
  auto context = Context::create(device, {.use_disk = false}).value();
  auto runner = make_runner(*context, problem, {});
  REQUIRE_MESSAGE(runner, runner.error().message);
  const KernelConfig config = default_config(problem, device->identity()).value();
  REQUIRE(config.compiler == CompilerId::none);
  const Result<Measurement> measurement = (*runner)->prepare(config);
  REQUIRE_MESSAGE(measurement, measurement.error().message);
  return *measurement;
}

}  // namespace

TEST_CASE("a portable kernel that is whole passes the check") {
  const Measurement whole = checked([](PortableShape&, float*) {});
  CHECK_MESSAGE(whole.status == TrialStatus::measured, whole.reason);
}

TEST_CASE("a portable kernel that is broken in one place is refused") {
  for (const Mutation& mutation : kMutations) {
    const Measurement broken = checked(mutation.apply);
    CHECK_MESSAGE(broken.status == TrialStatus::wrong_result, mutation.name, ": error ", broken.error);
  }
}
