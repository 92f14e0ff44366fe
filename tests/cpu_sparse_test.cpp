// CPU kernels that leave out the frequencies that a filter drops, against fp64.
#include "cpu/pruned.h"
#include "cpu_support.h"
#include "fftconv/sparsity.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;
using test::thinned;

namespace {

constexpr std::uint64_t whole = ~0ull;
using Masks = std::array<std::uint64_t, 4>;

Problem sparse_problem(Mode mode, std::int64_t seqlen, std::int64_t taps, Masks kept,
                       Direction direction = Direction::forward) {
  Problem problem = make_problem(mode, seqlen, taps);
  problem.direction = direction;
  problem.kept = kept;
  return problem;
}

/// The plain default and, drawn anew in each run, one more.
std::vector<KernelConfig> two_configs(const Problem& problem) {
  std::vector<KernelConfig> configs = some_candidates(problem, device().facts(), 2);
  CHECK_MESSAGE(configs.size() == 2, to_string(problem));
  return configs;
}

/// A candidate in whose tree nodes at one distance from the root keep different children.
KernelConfig mixed_config(const Problem& problem) {
  const std::vector<KernelConfig> configs = cpu::candidates(problem, device().facts());
  const auto found = std::ranges::find_if(configs, [&](const KernelConfig& config) {
    const cpu::PrunedTree pruned = cpu::pruned_tree(problem, cpu::tree_of(config));
    return std::ranges::any_of(pruned.levels, [](const auto& kinds) { return kinds.size() > 1; });
  });
  REQUIRE_MESSAGE(found != configs.end(), to_string(problem));
  return *found;
}

}  // namespace

TEST_CASE("kernels match the reference in every mode, direction and type, with gates") {
  struct Case {
    Problem problem;
    DataType io = DataType::f32;
    bool gates = false;
  };
  const Direction du = Direction::backward_input, dk = Direction::backward_filter;
  const auto cases = thinned<Case>({
      {sparse_problem(Mode::causal, 4096, 4096, {3, whole, whole, whole})},
      {sparse_problem(Mode::bidirectional, 1009, 1500, {2, 2, whole, whole}, dk)},
      {sparse_problem(Mode::circular, 1000, 999, {1, whole, whole, whole}), DataType::f16, true},
      {sparse_problem(Mode::anticausal, 3001, 77, {0xa, 0x6, whole, whole})},
      {sparse_problem(Mode::causal, 20011, 20011, {1, 2, 3, whole}, du)},
      {sparse_problem(Mode::causal, 4096, 1000, {8, whole, whole, whole}, dk), DataType::bf16, true},
      {sparse_problem(Mode::circular, 2048, 2048, {0x9, 1, whole, whole}, du)},
      {sparse_problem(Mode::causal, 5000, 3000, {2, 1, 1, whole}), DataType::f64},
      {sparse_problem(Mode::bidirectional, 8192, 16383, {2, whole, whole, whole})},
      {sparse_problem(Mode::causal, 2000, 2000, {whole, 1, whole, whole}, dk)},
  });
  {
    const Problem gradient = sparse_problem(Mode::causal, 65536, 5000, {6, whole, whole, whole}, dk);
    CHECK(error_of(gradient, mixed_config(gradient)) < allowed(gradient));
  }
  for (Case each : cases) {
    each.problem.io = each.io;
    if (each.io == DataType::f64) each.problem.precision = Precision::f64;
    each.problem.pregate = each.problem.postgate = each.gates;
    each.problem.skip = each.gates && reads_filter(each.problem);
    if (each.io == DataType::f64) each.problem.sharing = FilterSharing::per_example;
    for (const KernelConfig& config : two_configs(each.problem)) {
      CAPTURE(to_string(each.problem));
      CAPTURE(to_string(config));
      CHECK(error_of(each.problem, config) < allowed(each.problem));
    }
  }
}

TEST_CASE("threads that share a row do what one thread does") {
  const std::shared_ptr<Device> alone = make_cpu_device(1, "").value();
  // 64 x 32 x 32: which of the blocks 1 and 2 is there is known after one radix in some trees, after two in others.
  for (const Masks& kept : thinned<Masks>({{6, whole, whole, whole}, {0x9, 2, 1, whole}})) {
    Problem problem = sparse_problem(Mode::causal, 65536, 65536, kept);
    problem.batch = problem.channels = 1;
    for (const KernelConfig& config : {two_configs(problem).back(), mixed_config(problem)}) {
      CAPTURE(to_string(problem));
      CAPTURE(to_string(config));
      std::vector<std::byte> rows[2];
      for (Device* on : {&device(), alone.get()}) {
        Data data(problem);
        const Result<Ready> ready = prepare(problem, config, data.args(), *on);
        REQUIRE(ready);
        CHECK_FALSE(ready->source.shares.convolution.empty());
        REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(data.args()), nullptr));
        CHECK(data.error() < allowed(problem));
        rows[on == alone.get()] = data.y_bytes();
      }
      CHECK(rows[0] == rows[1]);
    }
  }
}

TEST_CASE("the filter's spectrum is zero where it is dropped, and nowhere else") {
  for (const Masks& kept : {Masks{0x5, 0x2, whole, whole}, Masks{whole, 0x8, whole, whole}}) {
    const Problem problem = sparse_problem(Mode::causal, 4096, 4096, kept);
    for (const KernelConfig& config : two_configs(problem)) {
      CAPTURE(to_string(config));
      Data data(problem);
      const Result<Ready> ready = prepare(problem, config, data.args());
      REQUIRE(ready);
      const int columns = config.lanes / config.rows;  // of a vector: so many real parts, then the imaginary ones
      const auto* spectrum = static_cast<const float*>(ready->spectrum->data());
      std::int64_t nonzero = 0;
      for (std::int64_t v = 0; v < problem.channels * 4096 / columns; ++v) {
        for (int i = 0; i < columns; ++i) {
          const float* at = spectrum + 2 * v * columns + i;
          nonzero += at[0] != 0 || at[columns] != 0;
        }
      }
      CHECK(nonzero == problem.channels * kept_frequencies(problem));
    }
  }
}
