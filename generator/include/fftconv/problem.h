// Problem: all that affects the result of a convolution, and nothing that does not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fftconv/result.h"

namespace fftconv {

/// Which products u[n - lag] * k[lag] make up y[n]; out-of-range samples are zero except in circular mode.
///   causal        lags 0 .. Lk-1
///   anticausal    lags -(Lk-1) .. 0; tap j has lag -j
///   bidirectional lags -c .. Lk-1-c with c = (Lk-1)/2; tap j has lag j - c (numpy.convolve's mode "same")
///   circular      lags 0 .. Lk-1, indices modulo L
enum class Mode { causal, anticausal, bidirectional, circular };

/// Type of u and y in memory (and of the gates). The filter is in filter_type().
enum class DataType { f16, bf16, f32, f64 };

/// Precision class: the relative L2 error against fp64 that a kernel may have. See error_budget(). f64 goes with f64
/// samples and computes references: its own budget is 1e-14.
enum class Precision { f16, bf16, f32, f64 };

/// What is computed. backward_input: du from dy and k. backward_filter: dk (shaped and typed like k) from dy and u,
/// summed over the rows that use the filter; gates apply as forward, w to u and v to dy.
enum class Direction { forward, backward_input, backward_filter };

enum class FilterSharing {
  per_channel,  ///< k is (H, Lk)
  per_group,    ///< k is (groups, Lk); channel h uses filter h / (H / groups)
  per_example,  ///< k is (B, H, Lk)
};

enum class Layout {
  bhl,  ///< (batch, channels, seqlen), seqlen fastest
  blh,  ///< (batch, seqlen, channels), channels fastest
};

/// A long convolution of `batch` x `channels` real rows of `seqlen` samples with real filters.
/// Regular; the canonical text of to_string() round-trips through parse_problem().
struct Problem {
  Mode mode = Mode::causal;
  std::int64_t seqlen = 0;      ///< L, samples a row, 1 .. 2^26
  std::int64_t filter_len = 0;  ///< Lk, taps; at most L (2 L - 1 when bidirectional)
  std::int64_t batch = 1;       ///< B
  std::int64_t channels = 1;    ///< H
  DataType io = DataType::f32;
  Precision precision = Precision::f32;
  Direction direction = Direction::forward;
  bool pregate = false;   ///< y = conv(u * w, k)
  bool postgate = false;  ///< y = v * conv(u, k)
  bool skip = false;      ///< y += D[h] * u
  /// Rows are blocks of longer streams, one after another: what the blocks before leave of their products is an
  /// input, (B, H, Lk - 1) in filter_type(), and what this one leaves an output. Causal and forward only; Lk is 2 or
  /// more.
  bool carry = false;
  FilterSharing sharing = FilterSharing::per_channel;
  std::int64_t groups = 1;  ///< for per_group; divides channels
  Layout layout = Layout::bhl;
  /// Distance in elements from one batch, channel and sample to the next; all zero means dense in `layout`.
  std::array<std::int64_t, 3> strides{};
  /// Frequency-sparse: y = Re(inverse(mask * K * U)) with K and U the right-angle spectra of filter and input, and
  /// the mask 1 where all digits of a frequency are kept, else 0. Bit i of kept[d] keeps the values 16 i .. 16 i + 15
  /// of Monarch digit d + 1 of the frequency; fftconv/sparsity.h says which transform and which digits. Gradients are
  /// the adjoints: of u with conj(K), of k the masked sum of conj(U) DY. In circular mode lags are taken modulo L
  /// before K is masked. Bits beyond a digit's blocks, and masks of digits that there are not, are ignored; each
  /// digit keeps at least one block. Nothing dropped (the default, all ones) is dense.
  std::array<std::uint64_t, 4> kept{~0ull, ~0ull, ~0ull, ~0ull};

  bool operator==(const Problem&) const = default;
};

/// What is wrong with a problem, if anything: L = 0, a filter longer than the input, groups that do not divide …
Result<void> validate(const Problem& problem);

/// Canonical text, e.g. "causal/L4096/k4096/b64/h768/io-f16/f16/forward"; defaults past these eight are left out,
/// others follow as "/pregate", "/carry", "/groups-4", "/blh", "/strides-a,b,c", "/kept-…". Never depends on the
/// locale.
std::string to_string(const Problem& problem);
Result<Problem> parse_problem(std::string_view text);

/// Relative L2 error against fp64 that a result may have: the precision class plus rounding to the I/O type.
/// Budgets follow the table of errors measured for Monarch transforms at 256 … 64K with a margin of about two.
double error_budget(const Problem& problem);

/// Bytes of one sample of `type`.
std::size_t size_of(DataType type);

/// Type of the filter's taps in memory, and of all arithmetic on a CPU: fp32, or fp64 with that precision.
DataType filter_type(const Problem& problem);
/// Bytes of all filters, (filters, Lk) of that type.
std::size_t filter_bytes(const Problem& problem);

/// First lag of the filter's taps (0 for causal and circular) and the step of the lag from tap to tap (1 or -1).
/// backward_input reverses the lags: du is the correlation of dy with k.
std::int64_t first_lag(const Problem& problem);
int lag_step(const Problem& problem);

/// Distance in elements from one batch, channel and sample of u, y, dy and the gates to the next, with the dense ones
/// of the layout filled in. The filter, its gradient, the skip terms and what is carried are always dense.
struct RowStrides {
  std::int64_t batch = 0;
  std::int64_t channel = 0;
  std::int64_t sample = 0;
  bool operator==(const RowStrides&) const = default;
};
RowStrides row_strides(const Problem& problem);

/// Whether a filter is an input, as everywhere but where its gradient is computed.
bool reads_filter(const Problem& problem);

/// Samples that one row of a problem with carry hands on to the next block: Lk - 1; else 0.
std::int64_t carry_len(const Problem& problem);

/// Number of distinct filters: H, groups or B * H.
std::int64_t filter_count(const Problem& problem);

const char* to_string(Mode mode);
const char* to_string(DataType type);
const char* to_string(Precision precision);
const char* to_string(Direction direction);
Result<Mode> parse_mode(std::string_view text);
Result<Direction> parse_direction(std::string_view text);
Result<DataType> parse_data_type(std::string_view text);
Result<Precision> parse_precision(std::string_view text);

}  // namespace fftconv

template <>
struct std::hash<fftconv::Problem> {
  std::size_t operator()(const fftconv::Problem& problem) const noexcept;
};
