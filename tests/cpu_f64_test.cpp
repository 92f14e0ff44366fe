// fp64 on the CPU device: for references, so nothing on the way may be fp32.
#include "cpu_support.h"
#include "fftconv/plan.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

Problem make_wide(Mode mode, std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = make_problem(mode, seqlen, filter_len, DataType::f64);
  problem.precision = Precision::f64;
  return problem;
}

}  // namespace

TEST_CASE("fp64 is right to fp64 in every mode at lengths even, odd and prime") {
  for (std::int64_t seqlen : test::thinned({1, 2, 7, 31, 100, 257, 1000, 1021, 4096, 14113})) {
    for (Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
      const Problem problem = make_wide(mode, seqlen, seqlen);
      check_error(problem, cpu::default_config(problem, device().facts()).value());
    }
  }
}

TEST_CASE("fp64 candidates with pairs, rows side by side and every kind of twiddle are right") {
  for (std::int64_t seqlen : {96, 210, 2048}) {
    const Problem problem = make_wide(Mode::causal, seqlen, seqlen / 2);
    for (const KernelConfig& config : some_candidates(problem, device().facts(), 8)) check_error(problem, config);
  }
}

TEST_CASE("fp64 with gates, skip, groups and the gradient of the input is right") {
  Problem problem = make_wide(Mode::causal, 777, 300);
  problem.pregate = problem.postgate = problem.skip = true;
  check_error(problem, cpu::default_config(problem, device().facts()).value());
  problem = make_wide(Mode::bidirectional, 512, 1023);
  problem.sharing = FilterSharing::per_group;
  problem.direction = Direction::backward_input;
  check_error(problem, cpu::default_config(problem, device().facts()).value());
}

TEST_CASE("fp64 runs on processors with narrower vectors") {
  for (const char* arch : {"x86-64", "x86-64-avx2"}) {
    if (device().facts().kind != DeviceKind::cpu || !device().facts().arch.starts_with("x86-64")) continue;
    Device& narrow = device(arch);
    const Problem problem = make_wide(Mode::causal, 600, 600);
    check_error(problem, cpu::default_config(problem, narrow.facts()).value(), narrow);
  }
}

TEST_CASE("a plan measures, checks and computes fp64") {
  const auto context = Context::create(make_cpu_device(1).value(), {.use_disk = false});
  REQUIRE(context);
  const Problem problem = make_wide(Mode::circular, 360, 360);
  const auto plan = (*context)->plan(problem, {.rigor = Rigor::measure, .budget_s = 2});
  REQUIRE_MESSAGE(plan, plan.error().message);
  Data data(problem);
  const KernelArgs args = data.args();
  const auto spectrum = plan->make_spectrum(args.filter);
  REQUIRE(spectrum);
  REQUIRE(plan->execute({.u = args.u, .y = args.y, .spectrum = &*spectrum}));
  CHECK(data.error() <= allowed(problem));
}

TEST_CASE("fp64 samples go with fp64 precision only") {
  Problem problem = make_wide(Mode::causal, 64, 64);
  CHECK(validate(problem));
  CHECK(parse_problem(to_string(problem)).value() == problem);
  problem.precision = Precision::f32;
  CHECK_FALSE(validate(problem));
  problem.precision = Precision::f64, problem.io = DataType::f32;
  CHECK_FALSE(validate(problem));
}
