// The gradient of the filter on the CPU device against fp64.
#include "cpu_support.h"
#include "fftconv/plan.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

constexpr Mode kModes[] = {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular};

Problem gradient_of(Mode mode, std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = make_problem(mode, seqlen, filter_len);
  problem.direction = Direction::backward_filter;
  return problem;
}

/// dk of one plan on given data, as bytes.
std::vector<std::byte> run(const Problem& problem, Device& on) {
  Data data(problem);
  const Result<KernelConfig> config = cpu::default_config(problem, on.facts());
  REQUIRE(config);
  const Result<Ready> ready = prepare(problem, *config, data.args(), on);
  REQUIRE(ready);
  REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(data.args()), nullptr));
  return data.y_bytes();
}

}  // namespace

TEST_CASE("the gradient of the filter is right in every mode, at lengths even, odd and prime") {
  for (std::int64_t seqlen : test::thinned({1, 7, 256, 1021})) {
    for (Mode mode : kModes) {
      check_error(gradient_of(mode, seqlen, seqlen % 2 == 0 ? seqlen : seqlen / 3 + 1));
    }
  }
  check_error(gradient_of(Mode::bidirectional, 256, 511));
  Problem precise = gradient_of(Mode::causal, 300, 200);
  precise.io = DataType::f64;
  precise.precision = Precision::f64;
  check_error(precise);
}

TEST_CASE("gates of both sides have their part in the gradient of the filter") {
  for (int gates : {1, 2, 3}) {
    for (DataType io : {DataType::f32, DataType::f16}) {
      Problem problem = gradient_of(Mode::causal, 300, 200);
      problem.io = io;
      problem.pregate = gates & 1;
      problem.postgate = gates & 2;
      check_error(problem);
    }
  }
}

TEST_CASE("rows are summed by the filter that they use") {
  Problem problem = gradient_of(Mode::causal, 100, 100);
  problem.channels = 6;
  problem.sharing = FilterSharing::per_group;
  problem.groups = 2;
  check_error(problem);
  problem.sharing = FilterSharing::per_example;
  problem.groups = 1;
  check_error(problem);
}

TEST_CASE("every kind of candidate gives the gradient of the filter, rows side by side and paired ones too") {
  Problem paired = gradient_of(Mode::circular, 256, 100), many = gradient_of(Mode::bidirectional, 90, 33);
  paired.batch = 3;
  many.batch = 21;
  for (const Problem& problem : {paired, many}) {
    bool pairs = false, beside = false;
    for (const KernelConfig& config : some_candidates(problem, device().facts(), test::kSanitized ? 6 : 12)) {
      pairs |= config.paired;
      beside |= config.rows > 1;
      check_error(problem, config);
    }
    CHECK(beside);
    CHECK(pairs);
  }
}

TEST_CASE("the gradient of the filter does not depend on the number of threads") {
  Problem problem = gradient_of(Mode::causal, 1000, 700);
  problem.batch = 9;
  problem.channels = 5;
  const Result<std::shared_ptr<Device>> alone = make_cpu_device(1);
  REQUIRE(alone);
  CHECK(run(problem, device()) == run(problem, **alone));
}

TEST_CASE("threads share the rows of few filters, and their number does not show in the result") {
  Problem problem = gradient_of(Mode::causal, 3000, 2000);
  problem.batch = 11;
  for (std::int64_t channels : {1, 2}) {
    problem.channels = channels;
    const KernelConfig config = *cpu::default_config(problem, device().facts());
    const KernelSource source = cpu::emit(problem, config, device().facts()).value();
    CHECK(source.shares.blocks == std::vector<std::int64_t>{8});
    check_error(problem, config);
    const std::vector<std::byte> alone = run(problem, **make_cpu_device(1));
    for (int threads : {2, 3, 5}) CHECK(run(problem, **make_cpu_device(threads)) == alone);
  }
  problem.channels = 64;  // enough filters for all threads
  CHECK(cpu::emit(problem, *cpu::default_config(problem, device().facts()), device().facts())
            .value()
            .shares.convolution.empty());
}

TEST_CASE("a plan for the gradient of the filter takes u, dy and dk and nothing else") {
  const Problem problem = gradient_of(Mode::causal, 64, 10);
  Data data(problem);
  const KernelArgs args = data.args();
  const auto context = Context::create(*make_cpu_device(1), {.use_disk = false});
  REQUIRE(context);
  const Result<Plan> plan = (*context)->plan(problem);
  REQUIRE_MESSAGE(plan, plan.error().message);
  const ConvolutionBuffers good{.u = args.u, .dy = args.dy, .dk = args.dk};
  CHECK(plan->execute(good));
  CHECK(data.canaries_live());
  CHECK(data.error() <= allowed(problem));
  const auto refused = [&](const auto& change) {
    ConvolutionBuffers buffers = good;
    change(buffers);
    const Result<void> done = plan->execute(buffers);
    return !done && done.error().code == ErrorCode::invalid_argument;
  };
  CHECK(refused([](ConvolutionBuffers& b) { b.dy = nullptr; }));
  CHECK(refused([](ConvolutionBuffers& b) { b.dk = nullptr; }));
  CHECK(refused([](ConvolutionBuffers& b) { b.y = b.dk; }));
  CHECK(refused([](ConvolutionBuffers& b) { b.dk = const_cast<void*>(b.u); }));
  CHECK(refused([](ConvolutionBuffers& b) { b.pregate = b.u; }));
  CHECK(plan->make_spectrum(args.u).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("the search measures gradients of the filter and keeps their winner") {
  const auto context = Context::create(*make_cpu_device(1), {.use_disk = false});
  REQUIRE(context);
  Problem problem = gradient_of(Mode::causal, 500, 300);
  problem.pregate = true;
  const Result<Plan> plan = (*context)->plan(problem, {.rigor = Rigor::measure, .budget_s = 1});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK_MESSAGE(plan->provenance() == Provenance::exact, plan->explain());
}
