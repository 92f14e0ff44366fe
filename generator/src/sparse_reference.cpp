#include "sparse_reference.h"

#include <utility>

#include "fft64.h"
#include "fftconv/sparsity.h"

namespace fftconv {
namespace {

using Spectrum = std::vector<Complex64>;  // as right_angle_spectrum() orders it

/// Calls visit(position, kept) for all frequencies.
template <class Visit>
void each_frequency(const Problem& problem, const Visit& visit) {
  const std::vector<FrequencyDigit> digits = frequency_digits(problem);
  const std::int64_t size = sparsity_length(problem);
  std::int64_t position = 0;  // counts with its bits turned round
  for (std::int64_t f = 0; f < size; ++f) {
    visit(static_cast<std::size_t>(position), is_kept(digits, f));
    std::int64_t bit = size >> 1;
    for (; bit > 0 && (position & bit) != 0; bit >>= 1) position ^= bit;
    position |= bit;
  }
}

/// Calls visit(tap, lag) for all lags of the filter's taps; |lag| < L.
template <class Visit>
void each_lag(const Problem& problem, const Visit& visit) {
  for (std::int64_t j = 0; j < problem.filter_len; ++j) {
    std::int64_t lag = first_lag(problem) + lag_step(problem) * j;
    if (problem.mode == Mode::circular) {
      lag = (lag + problem.seqlen) % problem.seqlen;
      if (lag > 0) visit(static_cast<std::size_t>(j), lag - problem.seqlen);
    }
    visit(static_cast<std::size_t>(j), lag);
  }
}

/// Of the taps at lags of either sign: z^-l is the conjugate of z^l on the unit circle.
Spectrum filter_spectrum(const Problem& problem, std::span<const double> taps) {
  const auto size = static_cast<std::size_t>(sparsity_length(problem));
  std::vector<double> rising(size), falling(size);
  each_lag(problem, [&](std::size_t j, std::int64_t lag) {
    (lag < 0 ? falling[static_cast<std::size_t>(-lag)] : rising[static_cast<std::size_t>(lag)]) += taps[j];
  });
  Spectrum sum = right_angle_spectrum(rising, size);
  const Spectrum other = right_angle_spectrum(falling, size);
  for (std::size_t i = 0; i < size; ++i) sum[i] = sum[i] + conj(other[i]);
  return sum;
}

/// y depends linearly on k; its adjoint gathers at each lag what the taps there have spread.
std::vector<double> sparse_gradient(const Problem& problem, const Spectrum& u, const Spectrum& dy) {
  Spectrum product(u.size()), turned(u.size());
  each_frequency(problem, [&](std::size_t i, bool kept) {
    if (!kept) return;
    product[i] = conj(u[i]) * dy[i];
    turned[i] = conj(product[i]);
  });
  const std::vector<double> rising = right_angle_inverse(std::move(product));
  const std::vector<double> falling = right_angle_inverse(std::move(turned));
  std::vector<double> dk(static_cast<std::size_t>(problem.filter_len));
  each_lag(problem, [&](std::size_t j, std::int64_t lag) {
    dk[j] += lag < 0 ? falling[static_cast<std::size_t>(-lag)] : rising[static_cast<std::size_t>(lag)];
  });
  return dk;
}

}  // namespace

std::vector<double> sparse_reference_row(const Problem& problem, std::span<const double> u,
                                         std::span<const double> k) {
  const auto size = static_cast<std::size_t>(sparsity_length(problem));
  Spectrum input = right_angle_spectrum(u, size);
  if (!reads_filter(problem)) return sparse_gradient(problem, input, right_angle_spectrum(k, size));
  const Spectrum filter = filter_spectrum(problem, k);
  each_frequency(problem, [&](std::size_t i, bool kept) { input[i] = kept ? input[i] * filter[i] : Complex64{}; });
  std::vector<double> y = right_angle_inverse(std::move(input));
  y.resize(static_cast<std::size_t>(problem.seqlen));
  return y;
}

}  // namespace fftconv
