// What the masks of a frequency-sparse filter mean, and what they leave of a CPU kernel's tree.
#include "fftconv/sparsity.h"

#include <complex>
#include <numbers>
#include <set>

#include "cpu/pruned.h"
#include "cpu_support.h"
#include "fftconv/cost_model.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;
using test::thinned;

namespace {

constexpr std::uint64_t whole = ~0ull;
using Masks = std::array<std::uint64_t, 4>;
using Row = std::vector<double>;

Problem sparse_problem(Mode mode, std::int64_t seqlen, std::int64_t taps, Masks kept,
                       Direction direction = Direction::forward) {
  Problem problem = make_problem(mode, seqlen, taps);
  problem.direction = direction;
  problem.kept = kept;
  return problem;
}

Row normal_row(std::mt19937_64& random, std::int64_t count) {
  std::normal_distribution<double> normal;
  Row row(static_cast<std::size_t>(count));
  for (double& value : row) value = normal(random);
  return row;
}

/// The definition, written down once more: sizes of the digits by hand, spectra as sums, O(M L).
class Definition {
 public:
  Definition(std::int64_t points, std::vector<std::int64_t> sizes, Masks kept)
      : points_(points), sizes_(std::move(sizes)), kept_(kept) {
    for (std::int64_t j = 0; j < 4 * points; ++j) {
      turn_.push_back(
          std::polar(1.0, 2 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(4 * points)));
    }
  }
  bool keeps(std::int64_t f) const {
    std::int64_t rest = f;
    for (std::size_t d = 0; d < sizes_.size(); rest /= sizes_[d], ++d) {
      if ((kept_[d] >> ((rest % sizes_[d]) / 16)) % 2 == 0) return false;
    }
    return true;
  }
  /// The dropped part and the kept part of conv(u, k); lags[j] are those of tap j.
  Row convolve(const Row& u, const Row& k, const std::vector<std::vector<std::int64_t>>& lags) const {
    Row y(u.size());
    for (std::int64_t f = 0; f < points_; ++f) {
      if (!keeps(f)) continue;
      std::complex<double> spectrum_u, spectrum_k;
      for (std::size_t n = 0; n < u.size(); ++n) spectrum_u += u[n] * power(f, -static_cast<std::int64_t>(n));
      for (std::size_t j = 0; j < k.size(); ++j) {
        for (std::int64_t lag : lags[j]) spectrum_k += k[j] * power(f, -lag);
      }
      const std::complex<double> product = spectrum_u * spectrum_k / static_cast<double>(points_);
      for (std::size_t n = 0; n < y.size(); ++n) y[n] += (product * power(f, static_cast<std::int64_t>(n))).real();
    }
    return y;
  }

 private:
  /// exp(2 pi i (1/4 + f) n / M)
  std::complex<double> power(std::int64_t f, std::int64_t n) const {
    const std::int64_t period = 4 * points_;
    return turn_[static_cast<std::size_t>(((4 * f + 1) * n % period + period) % period)];
  }
  std::int64_t points_;
  std::vector<std::int64_t> sizes_;
  Masks kept_;
  std::vector<std::complex<double>> turn_;
};

/// As problem.h's comment on Mode says; circular: modulo L, both as l and as l - L.
std::vector<std::vector<std::int64_t>> lags_of(const Problem& problem) {
  std::vector<std::vector<std::int64_t>> lags;
  for (std::int64_t j = 0; j < problem.filter_len; ++j) {
    std::int64_t lag = problem.mode == Mode::anticausal      ? -j
                       : problem.mode == Mode::bidirectional ? j - (problem.filter_len - 1) / 2
                                                             : j;
    if (problem.direction == Direction::backward_input) lag = -lag;
    std::vector<std::int64_t> both{lag};
    if (problem.mode == Mode::circular && lag != 0)
      both.push_back(lag > 0 ? lag - problem.seqlen : lag + problem.seqlen);
    lags.push_back(std::move(both));
  }
  return lags;
}

struct Meaning {
  std::int64_t seqlen;
  std::vector<std::int64_t> sizes;
  Masks kept;
};

}  // namespace

TEST_CASE("digits are powers of two as equal as may be, the largest first") {
  const auto sizes = [](std::int64_t seqlen) {
    std::vector<std::int64_t> all;
    for (const FrequencyDigit& digit : frequency_digits(make_problem(Mode::causal, seqlen, 1))) {
      all.push_back(digit.size);
    }
    return all;
  };
  using Sizes = std::vector<std::int64_t>;
  CHECK(sizes(1) == Sizes{16, 16});
  CHECK(sizes(257) == Sizes{32, 16});
  CHECK(sizes(1024) == Sizes{32, 32});
  CHECK(sizes(4095) == Sizes{64, 64});
  CHECK(sizes(4097) == Sizes{32, 16, 16});
  CHECK(sizes(1 << 15) == Sizes{32, 32, 32});
  CHECK(sizes(1 << 16) == Sizes{64, 32, 32});
  CHECK(sizes(1 << 18) == Sizes{64, 64, 64});
  CHECK(sizes(1 << 19) == Sizes{32, 32, 32, 16});
  CHECK(sizes(1 << 20) == Sizes{32, 32, 32, 32});
  CHECK(sizes(1 << 26) == Sizes{128, 128, 64, 64});
}

TEST_CASE("bits beyond a digit's blocks and masks of digits that are not there mean nothing") {
  Problem problem = make_problem(Mode::causal, 4096, 100);
  problem.kept = {0xf, 0x3f, 1, 2};  // 64 x 64: four blocks a digit
  CHECK_FALSE(is_sparse(problem));
  CHECK(kept_frequencies(problem) == 4096);
  problem.kept = {0x3, 0xd, 1, 2};
  CHECK(is_sparse(problem));
  CHECK(kept_frequencies(problem) == 32 * 48);
  CHECK(sparsity_text(problem) == "blocks 0-1 of 4 of digit 1, blocks 0, 2-3 of 4 of digit 2");
  problem.kept[1] = 0x70;
  CHECK_FALSE(validate(problem).ok());
}

TEST_CASE("the reference is Re(inverse(mask K U)), summed up directly, in every mode and direction") {
  std::mt19937_64 random(seed());
  const auto meanings = thinned<Meaning>({{300, {32, 16}, {2, whole, whole, whole}},
                                          {521, {32, 32}, {1, 3, whole, whole}},
                                          {1024, {32, 32}, {whole, 2, whole, whole}},
                                          {1500, {64, 32}, {0xa, 1, whole, whole}},
                                          {4099, {32, 16, 16}, {2, 1, 1, whole}}});
  for (const Meaning& meaning : meanings) {
    std::int64_t points = 1;
    for (std::int64_t size : meaning.sizes) points *= size;
    const Definition definition(points, meaning.sizes, meaning.kept);
    for (Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
      for (Direction direction : {Direction::forward, Direction::backward_input}) {
        if (meaning.seqlen > 4000 && (mode != Mode::causal || direction != Direction::forward)) continue;
        const std::int64_t taps = mode == Mode::bidirectional ? meaning.seqlen + 11 : meaning.seqlen - 7;
        const Problem problem = sparse_problem(mode, meaning.seqlen, taps, meaning.kept, direction);
        CAPTURE(to_string(problem));
        REQUIRE(validate(problem).ok());
        const Row u = normal_row(random, problem.seqlen), k = normal_row(random, taps);
        CHECK(relative_l2_error(reference_row(problem, u, k), definition.convolve(u, k, lags_of(problem))) < 1e-12);
      }
    }
  }
}

TEST_CASE("the gradient of the filter is the adjoint of what the filter does") {
  std::mt19937_64 random(seed() + 1);
  for (Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
    const Problem forward = sparse_problem(mode, 1009, 600, {1, 2, whole, whole});
    Problem backward = forward;
    backward.direction = Direction::backward_filter;
    const Row u = normal_row(random, 1009), k = normal_row(random, 600), dy = normal_row(random, 1009);
    const Row y = reference_row(forward, u, k), dk = reference_row(backward, u, dy);
    double over_rows = 0, over_taps = 0;
    for (std::size_t n = 0; n < y.size(); ++n) over_rows += y[n] * dy[n];
    for (std::size_t j = 0; j < k.size(); ++j) over_taps += dk[j] * k[j];
    CHECK(over_rows == doctest::Approx(over_taps).epsilon(1e-10));
  }
}

TEST_CASE("a tree keeps exactly the leaves that have a frequency that is kept") {
  std::mt19937_64 random(seed() + 2);
  for (std::int64_t seqlen : {512, 1024, 4096, 8192, 32768, 65536}) {
    for (int i = 0; i < 3; ++i) {
      Problem problem = make_problem(Mode::causal, seqlen, seqlen);
      for (std::uint64_t& mask : problem.kept) mask = random() | (random() % 2 + 1);
      if (!validate(problem) || !is_sparse(problem)) continue;
      const std::vector<FrequencyDigit> digits = frequency_digits(problem);
      const std::vector<KernelConfig> configs = cpu::candidates(problem, device().facts());
      REQUIRE_FALSE(configs.empty());
      const KernelConfig& config = configs[random() % configs.size()];
      const cpu::Tree tree = cpu::tree_of(config);
      const cpu::PrunedTree pruned = cpu::pruned_tree(problem, tree);
      std::set<std::int64_t> live;  // numbers of leaves: what their frequencies have in common modulo their number
      for (std::int64_t f = 0; f < tree.length; ++f) {
        if (is_kept(digits, f)) live.insert(f % tree.leaves);
      }
      CAPTURE(to_string(problem));
      CAPTURE(to_string(config));
      CHECK(pruned.leaves == static_cast<std::int64_t>(live.size()));
      CHECK(pruned.has_partial_leaves == (kept_frequencies(problem) != pruned.leaves * (tree.length / tree.leaves)));
    }
  }
}

TEST_CASE("dropped children are neither computed nor counted") {
  const Problem sparse = sparse_problem(Mode::causal, 4096, 4096, {0x5, whole, whole, whole});
  const Problem dense = make_problem(Mode::causal, 4096, 4096);
  // Digit 1 has 64 values: the second level has its upper three bits, the upper two of these are the block.
  const Result<KernelConfig> config = parse_config("p3:8x8x64/fused/vector/rows1/lanes16/interleave1/stream0/clang");
  REQUIRE_MESSAGE(config, config.error().message);
  DeviceFacts facts = device().facts();
  facts.vector_lanes = 16;
  const Result<KernelSource> source = cpu::emit(sparse, *config, facts),
                             whole_source = cpu::emit(dense, *config, facts);
  REQUIRE_MESSAGE(source, source.error().message);
  REQUIRE(whole_source);
  const std::string& text = source->text;
  CHECK(text.find("2048 of 4096 frequencies; 32 of 64 leaves are computed") != std::string::npos);
  CHECK(text.find("each with 8 children, of which only 0, 1, 4, 5 are kept") != std::string::npos);
  CHECK(text.find("split<8, 0b00110011>(z, ") != std::string::npos);
  CHECK(text.find("join<8, 0b00110011>(z, ") != std::string::npos);
  CHECK(text.find("leaf_run<forward_only, 2>(z + 4 * leaf_floats, ") != std::string::npos);
  CHECK(text.find("leaf_run<forward_only, 8>") == std::string::npos);
  CHECK(whole_source->text.find("_kept") == std::string::npos);
  const KernelCounts less = cpu::count(sparse, *config, facts), all = cpu::count(dense, *config, facts);
  CHECK(less.instructions < 0.75 * all.instructions);
  CHECK(floor_seconds(sparse, facts) < floor_seconds(dense, facts));
  CHECK(less.instructions > 0.5 * all.instructions);  // the levels above the masks' bits are whole
}

TEST_CASE("what masks have no meaning for is refused") {
  Problem problem = sparse_problem(Mode::causal, 4000, 60, {1, whole, whole, whole});
  const Result<KernelConfig> plain = cpu::default_config(problem, device().facts());
  REQUIRE_MESSAGE(plain, plain.error().message);
  CHECK(transform_length(*plain) == 4096);
  for (const KernelConfig& config : cpu::candidates(problem, device().facts())) {
    CHECK(config.strategy == Strategy::fused);
    CHECK_FALSE(config.paired);
    CHECK(transform_length(config) == 4096);
  }
  const auto refused = [&](auto change) {
    KernelConfig config = *plain;
    change(config);
    const Result<void> legal = cpu::check_legal(problem, config, device().facts());
    CHECK_MESSAGE((!legal && legal.error().code == ErrorCode::unsupported), to_string(config));
  };
  refused([](KernelConfig& c) { c.paired = true; });
  refused([](KernelConfig& c) { c.radices.insert(c.radices.begin(), 2); });
  refused([](KernelConfig& c) { c.strategy = Strategy::chunked, c.radices.erase(c.radices.begin()); });
  refused([](KernelConfig& c) { c.strategy = Strategy::direct, c.radices = {512}; });
  DeviceFacts without = device().facts();
  without.compiles = false;
  CHECK_FALSE(cpu::default_config(problem, without).ok());
  CHECK(cpu::candidates(problem, without).empty());
  problem.carry = true;
  CHECK_FALSE(validate(problem).ok());
}
