#include "fftconv/c_api.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fftconv/problem.h"
#include "fftconv/reference.h"

namespace {

struct Closer {
  void operator()(fftconv_context* context) const { fftconv_close(context); }
  void operator()(fftconv_plan* plan) const { fftconv_free_plan(plan); }
};
using ContextHandle = std::unique_ptr<fftconv_context, Closer>;
using PlanHandle = std::unique_ptr<fftconv_plan, Closer>;

/// The CPU device; null where this build has no LLVM component.
ContextHandle open_cpu() {
  fftconv_context* context = nullptr;
  const fftconv_status status = fftconv_open("cpu", &context);
  if (status == FFTCONV_DEPENDENCY_MISSING) {
    MESSAGE("skipped: " << fftconv_last_error());
  } else {
    REQUIRE_MESSAGE(status == FFTCONV_OK, fftconv_last_error());
  }
  return ContextHandle(context);
}

std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

bool last_error_has(const char* words) { return std::string(fftconv_last_error()).find(words) != std::string::npos; }

}  // namespace

TEST_CASE("A convolution through the C interface agrees with fp64") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  const char* const text = "causal/L1000/k300/b2/h3/io-f32/f32/forward/skip";
  const fftconv::Problem problem = fftconv::parse_problem(text).value();
  fftconv_plan* made = nullptr;
  REQUIRE_MESSAGE(fftconv_make_plan(context.get(), text, nullptr, 0, &made) == FFTCONV_OK, fftconv_last_error());
  const PlanHandle plan(made);
  CHECK(std::string(fftconv_explain(plan.get())) != "");

  const unsigned seed = 20261124;
  INFO("seed " << seed);
  const auto taps = random_floats(3 * 300, seed), u = random_floats(6 * 1000, seed + 1),
             skip = random_floats(3, seed + 2);
  std::vector<float> y(u.size(), -1.0f);
  REQUIRE_MESSAGE(fftconv_set_filter(plan.get(), taps.data()) == FFTCONV_OK, fftconv_last_error());
  const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, skip.data()};
  REQUIRE_MESSAGE(fftconv_execute_host(plan.get(), &buffers) == FFTCONV_OK, fftconv_last_error());

  std::vector<double> expected;
  for (std::size_t row = 0; row < 6; ++row) {
    const std::size_t channel = row % 3;
    const std::vector<double> samples(u.begin() + row * 1000, u.begin() + (row + 1) * 1000);
    const std::vector<double> filter(taps.begin() + channel * 300, taps.begin() + (channel + 1) * 300);
    std::vector<double> out = fftconv::reference_row(problem, samples, filter);
    for (std::size_t n = 0; n < out.size(); ++n) expected.push_back(out[n] + skip[channel] * samples[n]);
  }
  CHECK(fftconv::relative_l2_error(std::vector<double>(y.begin(), y.end()), expected) <=
        fftconv::error_budget(problem));
}

TEST_CASE("Every refusal of the C interface has a status and a sentence") {
  fftconv_context* none = nullptr;
  CHECK(fftconv_open("toaster", &none) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("no device 'toaster'"));
  CHECK(none == nullptr);
  CHECK(fftconv_open("cpu", nullptr) == FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_set_filter(nullptr, nullptr) == FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_execute(nullptr, nullptr, nullptr) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("may not be null"));
  fftconv_close(nullptr);
  fftconv_free_plan(nullptr);
}

TEST_CASE("A plan is refused for a problem or a rigor that does not exist, and runs only with a filter") {
  const ContextHandle context = open_cpu();
  if (!context) return;
  fftconv_plan* plan = nullptr;
  CHECK(fftconv_make_plan(context.get(), "causal/L0/k1/b1/h1/io-f32/f32/forward", nullptr, 0, &plan) ==
        FFTCONV_INVALID_ARGUMENT);
  CHECK(fftconv_make_plan(context.get(), "causal/L64/k8/b1/h1/io-f32/f32/forward", "hasty", 0, &plan) ==
        FFTCONV_INVALID_ARGUMENT);
  CHECK(plan == nullptr);

  REQUIRE_MESSAGE(
      fftconv_make_plan(context.get(), "causal/L64/k8/b1/h1/io-f32/f32/forward", nullptr, 0, &plan) == FFTCONV_OK,
      fftconv_last_error());
  const PlanHandle owner(plan);
  std::vector<float> u(64), y(64);
  const fftconv_buffers buffers = {u.data(), y.data(), nullptr, nullptr, nullptr};
  CHECK(fftconv_execute_host(plan, &buffers) == FFTCONV_INVALID_ARGUMENT);
  CHECK(last_error_has("fftconv_set_filter"));
}
