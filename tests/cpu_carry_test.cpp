// Blocks of streams on the CPU device: what one block leaves and the next takes up, against fp64.
#include "cpu_support.h"
#include "fftconv/plan.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

Problem block_of(std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = make_problem(Mode::causal, seqlen, filter_len);
  problem.carry = true;
  return problem;
}

std::shared_ptr<Context> context() {
  auto made = Context::create(*make_cpu_device(1), {.use_disk = false});
  REQUIRE(made);
  return *made;
}

}  // namespace

TEST_CASE("a block takes up what was left and leaves its tail, at lengths even, odd and prime") {
  for (std::int64_t seqlen : test::thinned({2, 5, 31, 256, 512, 1000, 1021})) check_error(block_of(seqlen, seqlen));
  for (std::int64_t filter_len : {2, 17, 300}) check_error(block_of(512, filter_len));
}

TEST_CASE("gates, skip, types and groups go with carry") {
  Problem problem = block_of(200, 130);
  problem.pregate = problem.postgate = problem.skip = true;
  check_error(problem);
  problem.io = DataType::f16;
  check_error(problem);
  problem.io = DataType::f64;
  problem.precision = Precision::f64;
  check_error(problem);
  problem.io = DataType::f32;
  problem.precision = Precision::f32;
  problem.sharing = FilterSharing::per_example;
  check_error(problem);
}

TEST_CASE("every kind of candidate carries, rows side by side and paired ones too") {
  Problem problem = block_of(90, 33);
  problem.batch = 21;
  bool pairs = false, beside = false;
  for (const KernelConfig& config : some_candidates(problem, device().facts(), test::kSanitized ? 8 : 16)) {
    pairs |= config.paired;
    beside |= config.rows > 1;
    check_error(problem, config);
  }
  CHECK(beside);
  CHECK(pairs);
}

TEST_CASE("threads share a long block, and their number does not show in the result") {
  for (std::int64_t taps : {20001, 3000}) {
    Problem problem = block_of(20001, taps);
    problem.batch = problem.channels = 1;
    const KernelConfig config = *cpu::default_config(problem, device().facts());
    CHECK_FALSE(cpu::emit(problem, config, device().facts()).value().shares.convolution.empty());
    std::vector<std::byte> alone;
    for (int threads : {1, 2, 3}) {
      const std::shared_ptr<Device> on = *make_cpu_device(threads);
      Data data(problem);
      const Result<Ready> ready = prepare(problem, config, data.args(), *on);
      REQUIRE(ready);
      KernelArgs args = ready->with(data.args());
      REQUIRE(ready->kernel->launch(ready->source.convolution, args, nullptr));
      CHECK(data.error() <= allowed(problem));
      if (alone.empty()) alone = data.y_bytes();
      CHECK(data.y_bytes() == alone);
      args.carry_out = const_cast<void*>(args.carry_in);  // the same memory
      REQUIRE(ready->kernel->launch(ready->source.convolution, args, nullptr));
      CHECK(data.y_bytes() == alone);
    }
  }
}

TEST_CASE("a plan with carry refuses memory that overlaps in part, and carry that it has no use for") {
  const Problem problem = block_of(64, 33);
  Data data(problem);
  const KernelArgs args = data.args();
  const Result<Plan> plan = context()->plan(problem);
  REQUIRE_MESSAGE(plan, plan.error().message);
  const auto spectrum = plan->make_spectrum(args.filter);
  REQUIRE(spectrum);
  const ConvolutionBuffers good{
      .u = args.u, .y = args.y, .spectrum = &*spectrum, .carry_in = args.carry_in, .carry_out = args.carry_out};
  CHECK(plan->execute(good));
  CHECK(data.error() <= allowed(problem));
  ConvolutionBuffers bad = good;
  bad.carry_out = nullptr;
  CHECK(plan->execute(bad).error().code == ErrorCode::invalid_argument);
  bad.carry_out = static_cast<float*>(const_cast<void*>(args.carry_in)) + 1;
  CHECK(plan->execute(bad).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("the search measures blocks of streams and keeps their winner") {
  const auto plan = context()->plan(block_of(500, 300), {.rigor = Rigor::measure, .budget_s = 1});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK_MESSAGE(plan->provenance() == Provenance::exact, plan->explain());
}
