// Rows that are not dense on the CPU device: channels last, and strides that leave holes, against fp64.
#include <set>
#include <tuple>

#include "cpu_support.h"
#include "fftconv/plan.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

constexpr Mode kModes[] = {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular};

/// 21 channels: a square of 16, one of 4 and one alone.
Problem channels_last(Mode mode, std::int64_t seqlen, std::int64_t filter_len, std::int64_t channels = 21) {
  Problem problem = make_problem(mode, seqlen, filter_len);
  problem.layout = Layout::blh;
  problem.channels = channels;
  return problem;
}

/// Rows of neighbouring samples, apart.
Problem rows_apart(Mode mode, std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = make_problem(mode, seqlen, filter_len);
  problem.channels = 3;
  problem.strides = {4 * (seqlen + 5), seqlen + 5, 1};
  return problem;
}

/// Two of three channels in memory, and a hole after each example.
Problem channels_with_holes(Mode mode, std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = channels_last(mode, seqlen, filter_len, 18);
  problem.strides = {27 * seqlen + 11, 1, 27};
  return problem;
}

/// Samples two apart, channels in the holes or far away.
Problem samples_apart(Mode mode, std::int64_t seqlen, std::int64_t filter_len) {
  Problem problem = make_problem(mode, seqlen, filter_len);
  problem.channels = 5;
  problem.strides = {5 * (3 * seqlen + 2), 3 * seqlen + 2, 3};
  return problem;
}

constexpr auto kLayouts = {channels_with_holes, rows_apart, samples_apart};

}  // namespace

TEST_CASE("channels may come last in every mode, at lengths and numbers of channels even, odd and prime") {
  for (Mode mode : kModes) {
    for (std::int64_t seqlen : test::thinned({1021, 256})) {
      check_error(channels_last(mode, seqlen, seqlen % 2 == 0 ? seqlen : seqlen / 3 + 1));
    }
  }
  for (std::int64_t channels : test::thinned({37, 64, 15, 1, 2})) {
    check_error(channels_last(Mode::causal, 100, 100, channels));
  }
  for (std::int64_t seqlen : test::thinned({33, 1, 15})) check_error(channels_last(Mode::causal, seqlen, seqlen));
  check_error(channels_last(Mode::causal, 40000, 40000, 2));
}

TEST_CASE("any strides do, and what lies between the samples stays as it is") {
  for (const auto& layout : kLayouts) {
    check_error(layout(Mode::causal, 1021, 1021));
    if (!test::kSanitized) check_error(layout(Mode::circular, 250, 99));
  }
  check_error(rows_apart(Mode::causal, 20000, 20000));  // items long enough to be shared among threads
}

TEST_CASE("gates, skip, types, groups and directions go with every layout") {
  for (Direction direction : {Direction::forward, Direction::backward_input, Direction::backward_filter}) {
    for (DataType io : test::thinned({DataType::f16, DataType::f32, DataType::bf16, DataType::f64})) {
      for (const auto& layout : {channels_with_holes, io == DataType::f16 ? rows_apart : samples_apart}) {
        Problem problem = layout(Mode::bidirectional, 203, 150);
        problem.io = io;
        if (io == DataType::f64) problem.precision = Precision::f64;
        problem.direction = direction;
        problem.pregate = problem.postgate = true;
        problem.skip = reads_filter(problem);
        check_error(problem);
        if (direction == Direction::backward_input) break;
      }
    }
  }
}

TEST_CASE("each gate alone, and filters of groups and of examples, in both directions") {
  for (Direction direction : {Direction::forward, Direction::backward_filter}) {
    Problem problem = channels_last(Mode::causal, 77, 50, 36);
    problem.direction = direction;
    problem.pregate = true;
    check_error(problem);
    std::swap(problem.pregate, problem.postgate);
    check_error(problem);
    problem.batch = 11;
    for (std::int64_t groups : test::thinned({2, 12})) {
      problem.sharing = FilterSharing::per_group;
      problem.groups = groups;
      check_error(problem);
    }
    problem.groups = 1;
    problem.sharing = FilterSharing::per_example;
    check_error(problem);
  }
}

TEST_CASE("blocks of streams carry in every layout") {
  for (const auto& layout : kLayouts) {
    for (DataType io : test::thinned({DataType::f16, DataType::f32})) {
      Problem problem = layout(Mode::causal, 210, 120);
      problem.io = io;
      problem.carry = problem.postgate = problem.skip = true;
      check_error(problem);
    }
  }
}

TEST_CASE("every kind of candidate takes every layout, rows side by side, paired, chunked and direct ones too") {
  using Kind = std::tuple<Strategy, bool, bool>;
  for (const auto& layout : kLayouts) {
    Problem many = layout(Mode::bidirectional, 90, 33), chunks = layout(Mode::anticausal, 1500, 60),
            circular = layout(Mode::circular, 256, 40);
    many.batch = 21;
    many.skip = chunks.skip = true;
    circular.direction = Direction::backward_filter;
    std::set<Kind> seen, found;
    for (const Problem& problem : {many, chunks, circular}) {
      if (problem.direction == Direction::backward_filter) seen.clear();
      std::vector<KernelConfig> configs = cpu::candidates(problem, device().facts());
      std::shuffle(configs.begin(), configs.end(), std::mt19937_64(seed()));
      for (const KernelConfig& config : configs) {
        const Kind kind{config.strategy, config.paired, config.rows > 1};
        if (seen.insert(kind).second) check_error(problem, config);
      }
      found.insert(seen.begin(), seen.end());
    }
    CHECK(found.contains({Strategy::fused, false, true}));
    CHECK(found.contains({Strategy::fused, true, false}));
    CHECK(found.contains({Strategy::fused, true, true}));
    CHECK(found.contains({Strategy::chunked, false, false}));
    CHECK(found.contains({Strategy::chunked, false, true}));
    CHECK(found.contains({Strategy::direct, false, false}));
  }
}

TEST_CASE("filters that keep some frequencies go with every layout, and so does a root whose parts are whole pages") {
  for (Direction direction : {Direction::forward, Direction::backward_filter}) {
    for (const auto& layout : test::thinned({channels_with_holes, rows_apart, samples_apart})) {
      Problem problem = layout(Mode::causal, 2000, 1500);
      problem.direction = direction;
      problem.kept = {3, ~0ull, ~0ull, ~0ull};
      check_error(problem);
    }
  }
  for (const auto& layout : kLayouts) check_error(layout(Mode::causal, 4096, 4096));
}

TEST_CASE("channels written past the caches are right where lines are aligned and where they are not") {
  for (std::int64_t channels : {48, 50}) {
    Problem problem = channels_last(Mode::causal, 300, 200, channels);
    Result<KernelConfig> config = cpu::default_config(problem, device().facts());
    REQUIRE(config);
    config->streaming = true;
    if (config->lanes == 16) check_error(problem, *config);
    problem.io = DataType::f16;
    CHECK_FALSE(cpu::check_legal(problem, *config, device().facts()));
  }
}

TEST_CASE("results do not depend on the number of threads") {
  const Problem problem = channels_last(Mode::causal, 1000, 700, 40);
  const auto run = [&](Device& on) {
    Data data(problem);
    const Result<Ready> ready = prepare(problem, *cpu::default_config(problem, on.facts()), data.args(), on);
    REQUIRE(ready);
    REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(data.args()), nullptr));
    return data.y_bytes();
  };
  const Result<std::shared_ptr<Device>> alone = make_cpu_device(1);
  REQUIRE(alone);
  CHECK(run(device()) == run(**alone));
}

TEST_CASE("a plan for channels that come last is searched, measured and computes") {
  Problem problem = channels_last(Mode::causal, 500, 300);
  const auto context = Context::create(*make_cpu_device(1), {.use_disk = false});
  REQUIRE(context);
  const Result<Plan> plan = (*context)->plan(problem, {.rigor = Rigor::measure, .budget_s = 1});
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK_MESSAGE(plan->provenance() == Provenance::exact, plan->explain());
  Data data(problem);
  const KernelArgs args = data.args();
  const auto spectrum = plan->make_spectrum(args.filter);
  REQUIRE(spectrum);
  CHECK(plan->execute({.u = args.u, .y = args.y, .spectrum = &*spectrum}));
  CHECK(data.canaries_live());
  CHECK(data.error() <= allowed(problem));
}

TEST_CASE("the portable kernel refuses rows that are not dense") {
  DeviceFacts facts = device().facts();
  facts.compiles = false;
  for (const auto& layout : kLayouts) {
    const Result<KernelConfig> config = cpu::default_config(layout(Mode::causal, 100, 100), facts);
    REQUIRE_FALSE(config);
    CHECK(config.error().message.find("dense") != std::string::npos);
  }
}
