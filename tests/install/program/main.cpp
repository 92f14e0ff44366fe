// Convolves on the CPU device through the installed package and compares with direct sums in fp64.
#include <fftconv/plan.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

namespace {

constexpr std::int64_t kLength = 777, kTaps = 100, kRows = 2;

int fail(const fftconv::Error& error) {
  std::fprintf(stderr, "%s: %s\n", fftconv::to_string(error.code), error.message.c_str());
  return 1;
}

std::vector<float> random_floats(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

/// Relative L2 error of y against the causal sums of u and k; NaN where y has any.
double error_of(const std::vector<float>& u, const std::vector<float>& k, const std::vector<float>& y) {
  double wrong = 0, size = 0;
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t n = 0; n < kLength; ++n) {
      double sum = 0;
      for (std::int64_t j = 0; j < kTaps && j <= n; ++j) sum += double{k[j]} * u[row * kLength + n - j];
      wrong += (y[row * kLength + n] - sum) * (y[row * kLength + n] - sum);
      size += sum * sum;
    }
  }
  return std::sqrt(wrong / size);
}

}  // namespace

int main() {
  auto device = fftconv::open_device(fftconv::DeviceKind::cpu);
  if (!device) return fail(device.error());
  auto context = fftconv::Context::create(*device);
  if (!context) return fail(context.error());
  auto plan = (*context)->plan({.seqlen = kLength, .filter_len = kTaps, .batch = kRows});
  if (!plan) return fail(plan.error());

  const auto u = random_floats(kRows * kLength, 1), k = random_floats(kTaps, 2);
  std::vector<float> y(u.size());  // host addresses are device addresses on the CPU
  auto spectrum = plan->make_spectrum(k.data());
  if (!spectrum) return fail(spectrum.error());
  if (auto done = plan->execute({.u = u.data(), .y = y.data(), .spectrum = &*spectrum}); !done) {
    return fail(done.error());
  }

  const double error = error_of(u, k, y);
  std::printf("relative L2 error against fp64 %.2e, by %s\n", error, plan->explain().c_str());
  return error <= fftconv::error_budget(plan->problem()) ? 0 : 1;
}
