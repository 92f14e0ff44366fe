#include "fftconv/plan.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <new>
#include <thread>

#include "fake_bench.h"
#include "fftconv/reference.h"
#include "plan_state.h"
#include "random_samples.h"
#include "rows.h"

namespace {
thread_local long allocations = 0;
}

// Counted, so that a test can show that a call makes none.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes ? bytes : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace fftconv {
namespace {

constexpr std::uint64_t kSeed = 20240607;

/// Random tensors of a problem in host memory, which is the fake device's memory.
struct Tensors {
  explicit Tensors(const Problem& p)
      : problem(p),
        u(random(p.io, extent(p), 1)),
        y(io_bytes(p), std::byte{0xff}),
        filter(random(DataType::f32, filter_count(p) * p.filter_len, 2)),
        pregate(random(p.io, extent(p), 3)),
        postgate(random(p.io, extent(p), 4)),
        skip(random(DataType::f32, p.channels, 5)) {}

  static std::vector<std::byte> random(DataType type, std::int64_t count, std::uint64_t stream) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size_of(type));
    const RandomSamples samples(type, count, 1, kSeed + stream);
    for (std::int64_t i = 0; i < count; ++i) store_element(type, bytes.data(), i, samples.at(i));
    return bytes;
  }

  ConvolutionBuffers buffers(const FilterSpectrum& spectrum) {
    return {.u = u.data(),
            .y = y.data(),
            .spectrum = &spectrum,
            .pregate = problem.pregate ? pregate.data() : nullptr,
            .postgate = problem.postgate ? postgate.data() : nullptr,
            .skip = problem.skip ? skip.data() : nullptr};
  }

  double error() {
    KernelArgs args{.u = u.data(),
                    .filter = filter.data(),
                    .pregate = pregate.data(),
                    .postgate = postgate.data(),
                    .skip = skip.data()};
    double largest = 0;
    for (std::int64_t b = 0; b < problem.batch; ++b) {
      for (std::int64_t h = 0; h < problem.channels; ++h) {
        const auto expected = expected_row(problem, load_inputs(problem, args, b, h));
        largest = std::max(largest, relative_l2_error(load_row(problem, y.data(), b, h), expected));
      }
    }
    return largest;
  }

  Problem problem;
  std::vector<std::byte> u, y, filter, pregate, postgate, skip;
};

Plan plan_for(const Problem& problem, const std::shared_ptr<Device>& device = make_fake_device({})) {
  const Result<Plan> plan = context_on(device)->plan(problem);
  REQUIRE_MESSAGE(plan, plan.error().message);
  return *plan;
}

FilterSpectrum spectrum_of(const Plan& plan, const Tensors& tensors) {
  const Result<FilterSpectrum> spectrum = plan.make_spectrum(tensors.filter.data());
  REQUIRE_MESSAGE(spectrum, spectrum.error().message);
  return *spectrum;
}

std::string refusal(const Plan& plan, const ConvolutionBuffers& buffers) {
  const Result<void> result = plan.execute(buffers);
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::invalid_argument);
  return result.error().message;
}

}  // namespace

TEST_CASE("a plan convolves, outlives its context and is the same from eight threads") {
  CAPTURE(kSeed);
  const Problem problem = small_problem();
  const Plan plan = plan_for(problem);  // its context is gone
  Tensors shared(problem);
  const FilterSpectrum spectrum = spectrum_of(plan, shared);
  CHECK(spectrum.size() == static_cast<std::size_t>(plan.source().spectrum_bytes));
  std::vector<double> errors(8, 1);
  {
    std::vector<std::jthread> threads;
    for (double& error : errors) {
      threads.emplace_back([&] {
        Tensors tensors(problem);
        if (plan.execute(tensors.buffers(spectrum))) error = tensors.error();
      });
    }
  }
  for (double error : errors) CHECK(error <= error_budget(problem));
}

TEST_CASE("gates and skip reach the kernel") {
  CAPTURE(kSeed);
  Problem problem = small_problem();
  problem.pregate = problem.postgate = problem.skip = true;
  const auto device = make_fake_device({});
  const Result<Plan> plan = context_on(device)->plan(problem);
  if (!plan) {  // an emitter that does not compute gates must say so
    CHECK(plan.error().code == ErrorCode::unsupported);
    return;
  }
  Tensors tensors(problem);
  const FilterSpectrum spectrum = spectrum_of(*plan, tensors);
  REQUIRE(plan->execute(tensors.buffers(spectrum)));
  CHECK(tensors.error() <= error_budget(problem));
}

TEST_CASE("each missing pointer is refused by name") {
  const Plan plan = plan_for(small_problem());
  Tensors tensors(small_problem());
  const FilterSpectrum spectrum = spectrum_of(plan, tensors);
  ConvolutionBuffers buffers = tensors.buffers(spectrum);
  buffers.u = nullptr;
  CHECK(refusal(plan, buffers).starts_with("u is null"));
  buffers = tensors.buffers(spectrum);
  buffers.y = nullptr;
  CHECK(refusal(plan, buffers).starts_with("y is null"));
  buffers = tensors.buffers(spectrum);
  buffers.spectrum = nullptr;
  CHECK(refusal(plan, buffers).starts_with("spectrum is null"));
  CHECK(!plan.make_spectrum(nullptr));
}

TEST_CASE("a gate that the problem lacks is refused, not ignored") {
  const Plan plan = plan_for(small_problem());
  Tensors tensors(small_problem());
  const FilterSpectrum spectrum = spectrum_of(plan, tensors);
  ConvolutionBuffers buffers = tensors.buffers(spectrum);
  buffers.pregate = tensors.pregate.data();
  CHECK(refusal(plan, buffers).find("pregate") != std::string::npos);
  buffers = tensors.buffers(spectrum);
  buffers.skip = tensors.skip.data();
  CHECK(refusal(plan, buffers).find("skip") != std::string::npos);
}

TEST_CASE("outputs that overlap the input are refused, neighbours are not") {
  const Problem problem = small_problem();
  const Plan plan = plan_for(problem);
  Tensors tensors(problem);
  const FilterSpectrum spectrum = spectrum_of(plan, tensors);
  std::vector<std::byte> both(2 * io_bytes(problem));
  ConvolutionBuffers buffers = tensors.buffers(spectrum);
  buffers.u = both.data();
  buffers.y = both.data();
  CHECK(refusal(plan, buffers).find("overlap") != std::string::npos);
  buffers.y = both.data() + io_bytes(problem) - 256;
  CHECK(refusal(plan, buffers).find("overlap") != std::string::npos);
  buffers.y = both.data() + io_bytes(problem);
  CHECK(plan.execute(buffers));
}

TEST_CASE("a spectrum of another plan is refused, one of an equal plan is not") {
  const auto device = make_fake_device({});
  const Problem problem = small_problem();
  const auto configs = ranked_configs(problem, *device);
  const auto context = context_on(device);
  const Result<Plan> plan = context->plan_config(problem, configs[0]);
  const Result<Plan> other = context->plan_config(problem, configs[1]);
  const Result<Plan> equal = context_on(device)->plan_config(problem, configs[0]);
  REQUIRE(plan);
  REQUIRE(other);
  REQUIRE(equal);
  Tensors tensors(problem);
  const FilterSpectrum foreign = spectrum_of(*other, tensors);
  CHECK(refusal(*plan, tensors.buffers(foreign)).find("another plan") != std::string::npos);
  const FilterSpectrum same = spectrum_of(*equal, tensors);
  CHECK(plan->execute(tensors.buffers(same)));
}

TEST_CASE("a spectrum serves other batch sizes of its kernel and is refused for other channels") {
  const auto device = make_fake_device({});
  const auto context = context_on(device);
  const Problem problem = small_problem();
  Problem more_examples = problem;
  more_examples.batch = 5;
  Problem more_channels = problem;
  more_channels.channels = 7;
  const KernelConfig config = ranked_configs(problem, *device)[0];
  const Result<Plan> plan = context->plan_config(problem, config);
  const Result<Plan> larger = context->plan_config(more_examples, config);
  const Result<Plan> wider = context->plan_config(more_channels, config);
  REQUIRE(plan);
  REQUIRE(larger);
  REQUIRE(wider);
  CHECK(larger->problem() == more_examples);
  CHECK(wider->problem() == more_channels);
  Tensors tensors(problem);
  const FilterSpectrum spectrum = spectrum_of(*plan, tensors);
  Tensors wide(more_channels);
  CHECK(refusal(*wider, wide.buffers(spectrum)).find("another plan") != std::string::npos);
  if (larger->source().digest != plan->source().digest) return;
  Tensors large(more_examples);
  large.filter = tensors.filter;
  REQUIRE(larger->execute(large.buffers(spectrum)));
  CHECK(large.error() <= error_budget(problem));
}

TEST_CASE("a failed launch is told to the caller") {
  FakeScript script;
  script.launch = [](const KernelConfig&) -> Result<void> {
    return Error{ErrorCode::launch_failed, "out of resources"};
  };
  const Plan plan = plan_for(small_problem(), make_fake_device(script));
  Tensors tensors(small_problem());
  const FilterSpectrum spectrum = spectrum_of(plan, tensors);
  const Result<void> result = plan.execute(tensors.buffers(spectrum));
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::launch_failed);
  CHECK(result.error().message == "out of resources");
}

TEST_CASE("execute allocates nothing") {
  struct Nothing : LoadedKernel {
    Result<void> launch(const KernelEntry&, const KernelArgs& args, Stream) const override {
      seen = args;
      return {};
    }
    mutable KernelArgs seen;
  };
  const auto device = make_fake_device({});
  const Plan plan = plan_for(small_problem(), device);
  auto kernel = std::make_shared<ReadyKernel>();
  kernel->device = device;
  kernel->source = plan.source();
  const auto nothing = std::make_shared<Nothing>();
  kernel->loaded = nothing;
  auto state = std::make_shared<Plan::State>();
  state->kernel = kernel;
  state->io_bytes = io_bytes(small_problem());
  const Plan bare(std::move(state));
  Tensors tensors(small_problem());
  const FilterSpectrum spectrum = spectrum_of(plan, tensors);
  const ConvolutionBuffers buffers = tensors.buffers(spectrum);
  const long before = allocations;
  const bool ok = bare.execute(buffers).ok();
  CHECK(allocations == before);
  CHECK(ok);
  CHECK(nothing->seen.u == buffers.u);
  CHECK(nothing->seen.y == buffers.y);
  CHECK(nothing->seen.spectrum == spectrum.data());
  CHECK(nothing->seen.batch == 2);
  CHECK(nothing->seen.channels == 3);
  CHECK(nothing->seen.seqlen == 256);
  CHECK(nothing->seen.filters == 3);
}

TEST_CASE("explain names the problem, the kernel, the reason and the times") {
  const Plan plan = plan_for(small_problem());
  const std::string text = plan.explain();
  CHECK(text.find(to_string(plan.problem())) != std::string::npos);
  CHECK(text.find(to_string(plan.config())) != std::string::npos);
  for (const char* word : {"cost_model", "measured", "predicted", "floor", "compiled in"}) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  }
}

TEST_CASE("every rigor's text round-trips and an unknown one is refused") {
  for (Rigor rigor : {Rigor::estimate, Rigor::measure, Rigor::patient, Rigor::exhaustive, Rigor::cached_only}) {
    const Result<Rigor> parsed = parse_rigor(to_string(rigor));
    REQUIRE(parsed);
    CHECK(*parsed == rigor);
  }
  CHECK(!parse_rigor("heroic"));
}

}  // namespace fftconv
