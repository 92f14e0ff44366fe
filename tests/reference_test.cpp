#include "fftconv/reference.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "near.h"
#include "random_problem.h"

using namespace fftconv;
using test::near;

namespace {

using Row = std::vector<double>;

Problem problem_of(Mode mode, std::int64_t seqlen, std::int64_t taps, Direction direction = Direction::forward) {
  Problem p;
  p.mode = mode;
  p.seqlen = seqlen;
  p.filter_len = taps;
  p.direction = direction;
  return p;
}

/// The lag of tap j as problem.h's comment on Mode states it.
std::int64_t forward_lag(const Problem& p, std::int64_t j) {
  switch (p.mode) {
    case Mode::anticausal:
      return -j;
    case Mode::bidirectional:
      return j - (p.filter_len - 1) / 2;
    default:
      return j;
  }
}

/// The definitions, term by term, in long double: y, du (the adjoint of y in u) and dk (the adjoint in k).
Row by_definition(const Problem& p, const Row& u, const Row& k) {
  const bool to_filter = p.direction == Direction::backward_filter;
  std::vector<long double> out(to_filter ? p.filter_len : p.seqlen);
  for (std::int64_t n = 0; n < p.seqlen; ++n) {
    for (std::int64_t j = 0; j < p.filter_len; ++j) {
      std::int64_t i = n - forward_lag(p, j);  // y[n] takes k[j] u[i]
      if (p.mode == Mode::circular) i = (i % p.seqlen + p.seqlen) % p.seqlen;
      if (i < 0 || i >= p.seqlen) continue;
      if (p.direction == Direction::forward) out[n] += static_cast<long double>(k[j]) * u[i];
      if (p.direction == Direction::backward_input) out[i] += static_cast<long double>(k[j]) * u[n];  // u is dy
      if (to_filter) out[j] += static_cast<long double>(k[n]) * u[i];                                 // k is dy
    }
  }
  return Row(out.begin(), out.end());
}

Row random_row(std::mt19937_64& random, std::int64_t size, double scale = 1) {
  std::normal_distribution<double> normal;
  Row row(size);
  for (double& value : row) value = scale * normal(random);
  return row;
}

double norm(const Row& row) { return relative_l2_error(row, Row(row.size(), 0.0)); }

/// Largest relative error that rounding explains: few taps of a gradient are sums that may cancel, so that their norm
/// can fall far below ||u|| ||dy|| / sqrt(L), which is what rounding goes by.
double tolerance(const Problem& p, const Row& u, const Row& k, const Row& expected) {
  if (p.direction != Direction::backward_filter) return 1e-13;
  const double typical = norm(u) * norm(k) * std::sqrt(static_cast<double>(p.filter_len) / p.seqlen);
  return 1e-13 * std::max(1.0, typical / norm(expected));
}

constexpr Mode all_modes[] = {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular};
constexpr Direction all_directions[] = {Direction::forward, Direction::backward_input, Direction::backward_filter};

}  // namespace

TEST_CASE("hand-written examples fix the lags of every mode") {
  const Row u{1, 2, 3, 4}, k{1, 10, 100};
  CHECK(reference_row(problem_of(Mode::causal, 4, 3), u, k) == Row{1, 12, 123, 234});
  CHECK(reference_row(problem_of(Mode::anticausal, 4, 3), u, k) == Row{321, 432, 43, 4});
  CHECK(reference_row(problem_of(Mode::bidirectional, 4, 3), u, k) == Row{12, 123, 234, 340});
  CHECK(reference_row(problem_of(Mode::circular, 4, 3), u, k) == Row{341, 412, 123, 234});
}

TEST_CASE("bidirectional rows are centred as numpy.convolve's mode \"same\" is") {
  const Row u{1, 2, 3, 4, 5};
  // numpy.convolve([1,2,3,4,5], [1,10], "same") and ([1,2,3,4,5], [1,10,100,1000], "same")
  CHECK(reference_row(problem_of(Mode::bidirectional, 5, 2), u, Row{1, 10}) == Row{1, 12, 23, 34, 45});
  CHECK(reference_row(problem_of(Mode::bidirectional, 5, 4), u, Row{1, 10, 100, 1000}) ==
        Row{12, 123, 1234, 2345, 3450});
}

TEST_CASE("a bidirectional filter of 2 L - 1 taps reaches from the last sample to the first and back") {
  // c = 2: taps at lags -2 … 2.
  CHECK(reference_row(problem_of(Mode::bidirectional, 3, 5), Row{1, 0, 0}, Row{1, 2, 3, 4, 5}) == Row{3, 4, 5});
  CHECK(reference_row(problem_of(Mode::bidirectional, 3, 5), Row{0, 0, 1}, Row{1, 2, 3, 4, 5}) == Row{1, 2, 3});
}

TEST_CASE("hand-written examples fix the gradients") {
  const Row dy{1, 2, 3, 4}, k{1, 10, 100}, u{1, 0, 0, 2};
  CHECK(reference_row(problem_of(Mode::causal, 4, 3, Direction::backward_input), dy, k) == Row{321, 432, 43, 4});
  CHECK(reference_row(problem_of(Mode::anticausal, 4, 3, Direction::backward_input), dy, k) == Row{1, 12, 123, 234});
  // dk[j] = sum of dy[n] u[n - j]
  CHECK(reference_row(problem_of(Mode::causal, 4, 3, Direction::backward_filter), u, dy) == Row{9, 2, 3});
  CHECK(reference_row(problem_of(Mode::circular, 4, 3, Direction::backward_filter), u, dy) == Row{9, 4, 7});
}

TEST_CASE("short and long rows agree with the definition to 1e-13 in every mode and direction") {
  auto random = test::seeded();
  for (const std::int64_t seqlen : {1, 2, 3, 7, 16, 127, 128, 129, 500, 1021}) {
    for (const std::int64_t wanted : {std::int64_t{1}, std::int64_t{2}, seqlen / 2, seqlen, 2 * seqlen - 1}) {
      for (const Mode mode : all_modes) {
        if (wanted < 1 || wanted > (mode == Mode::bidirectional ? 2 * seqlen - 1 : seqlen)) continue;
        for (const Direction direction : all_directions) {
          const Problem p = problem_of(mode, seqlen, wanted, direction);
          CAPTURE(to_string(p));
          const Row u = random_row(random, seqlen);
          const Row k = random_row(random, direction == Direction::backward_filter ? seqlen : wanted);
          const Row expected = by_definition(p, u, k);
          const Row got = reference_row(p, u, k);
          REQUIRE(got.size() == expected.size());
          CHECK(relative_l2_error(got, expected) <= tolerance(p, u, k, expected));
        }
      }
    }
  }
}

TEST_CASE("a long row agrees with the definition where it is looked at") {
  auto random = test::seeded();
  const std::int64_t seqlen = 100003;
  const Row u = random_row(random, seqlen), k = random_row(random, seqlen);
  for (const Mode mode : all_modes) {
    const Problem p = problem_of(mode, seqlen, seqlen);
    CAPTURE(to_string(p));
    const Row y = reference_row(p, u, k);
    Row got, expected;
    for (int sample = 0; sample < 50; ++sample) {
      const auto n = static_cast<std::int64_t>(random() % seqlen);
      long double sum = 0;
      for (std::int64_t j = 0; j < seqlen; ++j) {
        std::int64_t i = n - forward_lag(p, j);
        if (mode == Mode::circular) i = (i % seqlen + seqlen) % seqlen;
        if (i >= 0 && i < seqlen) sum += static_cast<long double>(k[j]) * u[i];
      }
      got.push_back(y[n]);
      expected.push_back(static_cast<double>(sum));
    }
    CHECK(relative_l2_error(got, expected) < 1e-13);
  }
}

TEST_CASE("rows of very different scales lose no accuracy") {
  auto random = test::seeded();
  const Row u = random_row(random, 1000, 1e-150), k = random_row(random, 1000, 1e140);
  const Problem p = problem_of(Mode::causal, 1000, 1000);
  CHECK(relative_l2_error(reference_row(p, u, k), by_definition(p, u, k)) < 1e-13);
}

TEST_CASE("a zero row gives exact zeros, whatever its length") {
  for (const std::int64_t seqlen : {8, 5000}) {
    const Row y = reference_row(problem_of(Mode::circular, seqlen, seqlen), Row(seqlen, 0.0), Row(seqlen, 1.0));
    CHECK(y == Row(seqlen, 0.0));
  }
}

TEST_CASE("the relative error is the norm of the difference over the norm of the second row") {
  CHECK(relative_l2_error(Row{3, 4}, Row{3, 4}) == 0);
  CHECK(relative_l2_error(Row{0, 0}, Row{3, 4}) == 1);
  CHECK(near(relative_l2_error(Row{3, 5}, Row{3, 4}), 0.2));
  CHECK(near(relative_l2_error(Row{3e200, 5e200}, Row{3e200, 4e200}), 0.2));
  CHECK(near(relative_l2_error(Row{3e-200, 5e-200}, Row{3e-200, 4e-200}), 0.2));
}

TEST_CASE("the relative error to zero is the norm itself") { CHECK(relative_l2_error(Row{3, 4}, Row{0, 0}) == 5); }

TEST_CASE("what is not finite, or of another size, is infinitely wrong") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(relative_l2_error(Row{1, nan}, Row{1, 2}) == inf);
  CHECK(relative_l2_error(Row{1, -inf}, Row{1, 2}) == inf);
  CHECK(relative_l2_error(Row{1, inf}, Row{1, inf}) == inf);
  CHECK(relative_l2_error(Row{1, 2}, Row{1, inf}) == inf);
  CHECK(relative_l2_error(Row{1}, Row{1, 2}) == inf);
}
