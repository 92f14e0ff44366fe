#include "fftconv/reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "fft64.h"
#include "fftconv/sparsity.h"
#include "sparse_reference.h"

namespace fftconv {
namespace {

using Row = std::vector<double>;

/// p[q] = sum over i + j = q of a[i] b[j], q = 0 … |a| + |b| - 2.
Row linear_product(std::span<const double> a, std::span<const double> b) {
  constexpr std::size_t direct_work = std::size_t{1} << 14;  // products; beyond it the FFT is faster
  if (a.empty() || b.empty()) return {};
  if (a.size() * b.size() > direct_work) return fft64_product(a, b);
  Row p(a.size() + b.size() - 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) p[i + j] += a[i] * b[j];
  }
  return p;
}

/// out[n] = p[n - offset]; in circular mode of period `period` (0: none) every p that is congruent adds up.
Row take(const Row& p, std::int64_t offset, std::int64_t count, std::int64_t period) {
  const auto size = static_cast<std::int64_t>(p.size());
  Row out(count);
  for (std::int64_t n = 0; n < count; ++n) {
    std::int64_t q = n - offset;
    const std::int64_t step = period ? period : size;
    if (period) q = ((q % period) + period) % period;
    if (q < 0) continue;
    for (; q < size; q += step) out[n] += p[q];
  }
  return out;
}

Row reversed(std::span<const double> x) { return {x.rbegin(), x.rend()}; }

}  // namespace

std::vector<double> reference_row(const Problem& problem, std::span<const double> u, std::span<const double> k) {
  if (is_sparse(problem)) return sparse_reference_row(problem, u, k);
  const std::int64_t period = problem.mode == Mode::circular ? problem.seqlen : 0;
  const std::int64_t first = first_lag(problem);
  const int step = lag_step(problem);
  if (problem.direction == Direction::backward_filter) {
    // dk[j] = sum over n of dy[n] u[n - lag_j] = p[lag_j + L - 1] with p = dy * reversed u.
    const Row p = linear_product(k, reversed(u));
    const std::int64_t shift = problem.seqlen - 1;
    if (step > 0) return take(p, -(first + shift), problem.filter_len, period);
    // Lags fall from tap to tap: take them rising from the last tap, then turn round.
    return reversed(take(p, -(first - (problem.filter_len - 1) + shift), problem.filter_len, period));
  }
  // Tap j adds k[j] u[i] to n = i + lag_j. Where the lag falls with j, the reversed filter makes it rise.
  if (step > 0) return take(linear_product(u, k), first, problem.seqlen, period);
  return take(linear_product(u, reversed(k)), first - (problem.filter_len - 1), problem.seqlen, period);
}

double relative_l2_error(std::span<const double> a, std::span<const double> b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return infinity;
  long double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return infinity;
    const long double d = static_cast<long double>(a[i]) - b[i];
    difference += d * d;
    norm += static_cast<long double>(b[i]) * b[i];
  }
  if (norm == 0) return static_cast<double>(std::sqrt(difference));
  return static_cast<double>(std::sqrt(difference / norm));
}

}  // namespace fftconv
