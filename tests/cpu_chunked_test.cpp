// Long rows with short filters on the CPU device: in chunks and as direct sums, against fp64.
#include "cpu_support.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

constexpr Mode kModes[] = {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular};

KernelConfig direct(int piece, int interleave = 2) {
  KernelConfig config;
  config.strategy = Strategy::direct;
  config.engine = Engine::vector;
  config.compiler = CompilerId::clang;
  config.lanes = device().facts().vector_lanes;
  config.interleave = interleave;
  config.radices = {piece};
  return config;
}

/// Chunks of `length` samples, by the plain leaf.
KernelConfig chunks(int length, int rows = 1) {
  KernelConfig config = direct(1);
  config.strategy = Strategy::chunked;
  config.rows = rows;
  const int leaf = 4 * config.lanes / rows;
  config.radices = {length / leaf, leaf};
  return config;
}

std::vector<KernelConfig> of_strategy(const Problem& problem, Strategy strategy) {
  std::vector<KernelConfig> found = cpu::candidates(problem, device().facts());
  std::erase_if(found, [&](const KernelConfig& config) { return config.strategy != strategy; });
  return found;
}

bool refused(const Problem& problem, const KernelConfig& config) {
  const Result<void> legal = cpu::check_legal(problem, config, device().facts());
  return !legal && legal.error().code == ErrorCode::unsupported;
}

}  // namespace

TEST_CASE("rows in chunks are right where the filter is short, as long as a chunk, and ends within one") {
  for (Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional}) {
    for (std::int64_t taps : {1, 64, 256}) check_error(make_problem(mode, 1021, taps), chunks(256));
  }
  check_error(make_problem(Mode::causal, 257, 256), chunks(256));  // the second chunk has one sample
  check_error(make_problem(Mode::causal, 1024, 100), chunks(256));
}

TEST_CASE("gates, skip, types, gradients of the input and rows side by side go in chunks") {
  Problem problem = make_problem(Mode::bidirectional, 1000, 101);
  problem.pregate = problem.postgate = problem.skip = true;
  check_error(problem, chunks(256));
  problem.io = DataType::bf16;
  check_error(problem, chunks(128, 4));
  problem.direction = Direction::backward_input;
  problem.io = DataType::f32;
  problem.mode = Mode::causal;
  check_error(problem, chunks(256));
}

TEST_CASE("chunks are proposed where rows are longer, and are right") {
  const Problem problem = make_problem(Mode::causal, 20000, 200);
  std::vector<KernelConfig> found = of_strategy(problem, Strategy::chunked);
  REQUIRE(found.size() >= 8);
  std::mt19937_64 random(seed());
  std::shuffle(found.begin(), found.end(), random);
  found.resize(test::kSanitized ? 2 : 6);
  for (const KernelConfig& config : found) check_error(problem, config);
  CHECK(of_strategy(make_problem(Mode::causal, 200, 200), Strategy::chunked).empty());
}

TEST_CASE("chunks that cannot be are refused") {
  CHECK(refused(make_problem(Mode::causal, 1000, 257), chunks(256)));
  CHECK(refused(make_problem(Mode::causal, 256, 20), chunks(256)));
  CHECK(refused(make_problem(Mode::circular, 1000, 20), chunks(256)));
  Problem carrying = make_problem(Mode::causal, 1000, 20);
  carrying.carry = true;
  CHECK(refused(carrying, chunks(256)));
  CHECK(refused(carrying, direct(512)));
}

TEST_CASE("direct sums are right in every mode, for few taps and many, over rows of every length") {
  for (Mode mode : kModes) {
    for (std::int64_t taps : {1, 4, 31}) check_error(make_problem(mode, 1021, taps), direct(512));
    check_error(make_problem(mode, 5, 3), direct(64, 1));
    check_error(make_problem(mode, 31, 31), direct(64, 4));
  }
}

TEST_CASE("gates, skip, types, gradients of the input, filters of one's own and streaming go with direct sums") {
  for (Mode mode : {Mode::bidirectional, Mode::circular}) {
    Problem problem = make_problem(mode, 1000, 4);
    problem.pregate = problem.postgate = problem.skip = true;
    problem.io = DataType::f16;
    check_error(problem, direct(512));
    problem.io = DataType::f32;
    problem.direction = Direction::backward_input;
    problem.sharing = FilterSharing::per_example;
    KernelConfig config = direct(512);
    config.streaming = true;
    check_error(problem, config);
  }
}

TEST_CASE("fp64 goes in chunks and as a direct sum") {
  for (Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional}) {
    Problem problem = make_problem(mode, 1021, 60, DataType::f64);
    problem.precision = Precision::f64;
    problem.skip = problem.pregate = mode == Mode::causal;
    const int lanes = device().facts().vector_lanes / 2;
    for (int rows : {1, 2}) {
      KernelConfig config = chunks(256, rows);
      config.lanes = lanes;
      config.radices = {8, 4 * lanes / rows};
      check_error(problem, config);
    }
    KernelConfig sum = direct(512);
    sum.lanes = lanes;
    check_error(problem, sum);
  }
  Problem circular = make_problem(Mode::circular, 300, 7, DataType::f64);
  circular.precision = Precision::f64;
  KernelConfig sum = direct(64, 1);
  sum.lanes = device().facts().vector_lanes / 2;
  check_error(circular, sum);
}

TEST_CASE("threads share the chunks of few long rows, and their number does not show in the result") {
  const auto run = [](const Problem& problem, int threads) {
    const std::shared_ptr<Device> on = *make_cpu_device(threads);
    Data data(problem);
    const Result<Ready> ready = prepare(problem, chunks(256), data.args(), *on);
    REQUIRE(ready);
    CHECK(ready->source.convolution.grid[0] > problem.batch * problem.channels);
    REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(data.args()), nullptr));
    CHECK(data.error() <= allowed(problem));
    return data.y_bytes();
  };
  for (Mode mode : {Mode::causal, Mode::bidirectional, Mode::anticausal}) {
    Problem problem = make_problem(mode, 40001, 200, mode == Mode::causal ? DataType::f16 : DataType::f32);
    problem.batch = problem.channels = 1;
    const std::vector<std::byte> alone = run(problem, 1);
    for (int threads : {2, 3}) CHECK(run(problem, threads) == alone);
  }
}

TEST_CASE("direct sums are proposed for short filters only, and say themselves in text") {
  const std::vector<KernelConfig> found = of_strategy(make_problem(Mode::causal, 4096, 4), Strategy::direct);
  REQUIRE_FALSE(found.empty());
  for (const KernelConfig& config : found) CHECK(*parse_config(to_string(config)) == config);
  CHECK(of_strategy(make_problem(Mode::causal, 4096, 1000), Strategy::direct).empty());
  CHECK(refused(make_problem(Mode::causal, 4096, 1000), direct(512)));
  CHECK(refused(make_problem(Mode::causal, 4096, 4), direct(500)));
}
