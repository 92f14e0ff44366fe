// Problem in, samples out, through a context on every device that is present here.
#include <doctest/doctest.h>

#include "fake_bench.h"
#include "fftconv/reference.h"
#include "random_samples.h"
#include "rows.h"

namespace fftconv {
namespace {

constexpr std::uint64_t kSeed = 77;

std::unique_ptr<DeviceBuffer> on_device(Device& device, const std::vector<std::byte>& bytes) {
  auto buffer = device.allocate(bytes.size());
  REQUIRE_MESSAGE(buffer, buffer.error().message);
  REQUIRE(device.upload((*buffer)->data(), bytes.data(), bytes.size()));
  return std::move(*buffer);
}

std::vector<std::byte> random_bytes(DataType type, std::int64_t count, std::uint64_t stream) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size_of(type));
  const RandomSamples samples(type, count, 1, kSeed + stream);
  for (std::int64_t i = 0; i < count; ++i) store_element(type, bytes.data(), i, samples.at(i));
  return bytes;
}

/// Largest relative L2 error of a row.
double convolved_error(Context& context, const Problem& problem) {
  Device& device = context.device();
  const std::vector<std::byte> u = random_bytes(problem.io, extent(problem), 1);
  const std::vector<std::byte> taps = random_bytes(DataType::f32, filter_count(problem) * problem.filter_len, 2);
  const auto u_device = on_device(device, u);
  const auto taps_device = on_device(device, taps);
  const auto y_device = on_device(device, std::vector<std::byte>(u.size(), std::byte{0xff}));
  const Result<Plan> plan = context.plan(problem);
  REQUIRE_MESSAGE(plan, plan.error().message);
  const Result<FilterSpectrum> spectrum = plan->make_spectrum(taps_device->data());
  REQUIRE_MESSAGE(spectrum, spectrum.error().message);
  const Result<void> executed = plan->execute({.u = u_device->data(), .y = y_device->data(), .spectrum = &*spectrum});
  REQUIRE_MESSAGE(executed, executed.error().message);
  REQUIRE(device.synchronize(nullptr));
  std::vector<std::byte> y(u.size());
  REQUIRE(device.download(y.data(), y_device->data(), y.size()));
  const KernelArgs args{.u = u.data(), .filter = taps.data()};
  double largest = 0;
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    for (std::int64_t h = 0; h < problem.channels; ++h) {
      const std::vector<double> expected = expected_row(problem, load_inputs(problem, args, b, h));
      largest = std::max(largest, relative_l2_error(load_row(problem, y.data(), b, h), expected));
    }
  }
  return largest;
}

void check_on(const Result<std::shared_ptr<Device>>& device, DataType io, Precision precision) {
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  CAPTURE(kSeed);
  const auto context = context_on(*device);
  for (Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
    Problem problem = small_problem(500);
    problem.mode = mode;
    problem.io = io;
    problem.precision = precision;
    problem.filter_len = 77;
    CAPTURE(to_string(problem));
    const double error = convolved_error(*context, problem);
    CHECK(error > 0);
    CHECK(error <= error_budget(problem));
  }
}

}  // namespace

TEST_CASE("the CPU device convolves through a context") {
  check_on(open_cpu_device(), DataType::f32, Precision::f32);
}

TEST_CASE("the simulated device convolves through a context") {
  check_on(open_sim_device("sm_90a"), DataType::f16, Precision::f16);
}

TEST_CASE("a GPU convolves through a context") { check_on(open_cuda_device(0), DataType::f16, Precision::f16); }

}  // namespace fftconv
