// Blocks of streams on the CPU device: what one block leaves and the next takes up, against fp64.
#include "cpu_support.h"
#include "fftconv/streaming.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

Problem block_of(std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = make_problem(Mode::causal, seqlen, filter_len);
  problem.carry = true;
  return problem;
}

void check_error(const Problem& problem, const KernelConfig& config) {
  const double error = error_of(problem, config);
  CHECK_MESSAGE(error <= allowed(problem), to_string(problem), " ", to_string(config), ": error ", error);
}
void check_error(const Problem& problem) {
  const Result<KernelConfig> config = cpu::default_config(problem, device().facts());
  REQUIRE_MESSAGE(config, to_string(problem));
  check_error(problem, *config);
}

std::shared_ptr<Context> context() {
  auto made = Context::create(*make_cpu_device(1), {.use_disk = false});
  REQUIRE(made);
  return *made;
}

std::vector<float> noise(std::int64_t count, std::uint64_t extra) {
  std::mt19937_64 random(seed() + extra);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
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

TEST_CASE("a stream in blocks is the convolution of the whole stream") {
  constexpr std::int64_t block = 128, blocks = 6, taps = 100;
  Problem problem = block_of(block, taps);
  problem.batch = 1;
  const std::vector<float> filter = noise(2 * taps, 1), input = noise(2 * block * blocks, 2);
  auto stream = StreamingConvolution::make(*context(), problem, filter.data());
  REQUIRE_MESSAGE(stream, stream.error().message);
  for (int pass = 0; pass < 2; ++pass) {  // the second one shows that reset() forgets
    std::vector<double> got[2];
    for (std::int64_t n = 0; n < blocks; ++n) {
      std::vector<float> u, y(2 * block);
      for (std::int64_t h = 0; h < 2; ++h) {
        const auto first = input.begin() + h * block * blocks + n * block;
        u.insert(u.end(), first, first + block);
      }
      REQUIRE(stream->push({.u = u.data(), .y = y.data()}));
      for (std::int64_t h = 0; h < 2; ++h)
        got[h].insert(got[h].end(), y.begin() + h * block, y.begin() + (h + 1) * block);
    }
    Problem whole = problem;
    whole.carry = false;
    whole.seqlen = block * blocks;
    for (std::int64_t h = 0; h < 2; ++h) {
      const std::vector<double> u(input.begin() + h * whole.seqlen, input.begin() + (h + 1) * whole.seqlen),
          k(filter.begin() + h * taps, filter.begin() + (h + 1) * taps);
      CHECK(relative_l2_error(got[h], reference_row(whole, u, k)) <= 5e-7);
    }
    stream->reset();
  }
}

TEST_CASE("streams that cannot be are refused with a sentence") {
  const std::vector<float> filter = noise(2 * 200, 1);
  const auto refused = [&](const Problem& problem) {
    const auto made = StreamingConvolution::make(*context(), problem, filter.data());
    return made.ok() ? std::string() : made.error().message;
  };
  CHECK(refused(block_of(100, 200)).find("longer") != std::string::npos);
  Problem circular = block_of(100, 50);
  circular.mode = Mode::circular;
  CHECK(refused(circular).find("causal") != std::string::npos);
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
