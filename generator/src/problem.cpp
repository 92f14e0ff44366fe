#include "fftconv/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fftconv/sparsity.h"

namespace fftconv {
namespace {

constexpr std::int64_t max_seqlen = std::int64_t{1} << 26;
constexpr std::int64_t max_rows = std::int64_t{1} << 31;
constexpr std::int64_t max_elements = std::int64_t{1} << 56;  // byte offsets stay far inside 64 bits

Result<void> validate_strides(const Problem& p) {
  if (p.strides == std::array<std::int64_t, 3>{}) return {};
  std::array<std::pair<std::int64_t, std::int64_t>, 3> dims{
      // stride, extent
      {{p.strides[0], p.batch}, {p.strides[1], p.channels}, {p.strides[2], p.seqlen}}};
  for (const auto& [stride, extent] : dims) {
    if (stride < 1 || stride > max_elements / extent) {
      return invalid(
          fmt::format("stride {} over {} elements is out of range; give positive strides, or none for a "
                      "dense tensor",
                      stride, extent));
    }
  }
  // Two samples of y must not share an address: each dimension steps over all that the finer ones reach.
  std::sort(dims.begin(), dims.end());
  std::int64_t reach = 1;
  for (const auto& [stride, extent] : dims) {
    if (extent == 1) continue;
    if (stride < reach) {
      return invalid(
          fmt::format("strides {},{},{} make samples of the output overlap; give strides under which every "
                      "sample has its own place",
                      p.strides[0], p.strides[1], p.strides[2]));
    }
    reach += stride * (extent - 1);
  }
  return {};
}

Result<void> validate_filters(const Problem& p) {
  const std::int64_t longest = p.mode == Mode::bidirectional ? 2 * p.seqlen - 1 : p.seqlen;
  if (p.filter_len < 1) {
    return invalid(fmt::format("the filter has {} taps; it needs at least one", p.filter_len));
  }
  if (p.filter_len > longest) {
    return invalid(
        fmt::format("a filter of {} taps is too long for {} convolution of {} samples; give at most {} taps",
                    p.filter_len, to_string(p.mode), p.seqlen, longest));
  }
  if (p.sharing != FilterSharing::per_group && p.groups != 1) {
    return invalid(fmt::format("{} groups without grouped filters; set the filter sharing to per_group", p.groups));
  }
  if (p.groups < 1 || p.channels % p.groups != 0) {
    return invalid(
        fmt::format("{} groups do not divide {} channels; give a divisor of the channels", p.groups, p.channels));
  }
  return {};
}

Result<void> validate_sparsity(const Problem& p) {
  for (std::size_t digit = 0; digit < p.kept.size(); ++digit) {
    if (p.kept[digit] == 0) {
      return invalid(fmt::format("no frequency is kept along digit {}; keep at least one block", digit + 1));
    }
  }
  const std::vector<FrequencyDigit> digits = frequency_digits(p);
  for (std::size_t digit = 0; digit < digits.size(); ++digit) {
    if (digits[digit].kept == 0) {
      return invalid(
          fmt::format("no frequency is kept along digit {}: at L = {} it has {} block{}, and bits beyond are "
                      "ignored; keep at least one",
                      digit + 1, p.seqlen, blocks_of(digits[digit]), blocks_of(digits[digit]) == 1 ? "" : "s"));
    }
  }
  if (p.carry && is_sparse(p)) {
    return invalid("a frequency-sparse filter leaves products at all lags, which no carry holds; leave carry out");
  }
  return {};
}

std::int64_t center(const Problem& p) { return (p.filter_len - 1) / 2; }

}  // namespace

Result<void> validate(const Problem& p) {
  if (p.seqlen < 1 || p.seqlen > max_seqlen) {
    return invalid(fmt::format("seqlen {} is out of range; give 1 to {} samples", p.seqlen, max_seqlen));
  }
  if (p.batch < 1 || p.batch > max_rows) {
    return invalid(fmt::format("batch {} is out of range; give 1 to {}", p.batch, max_rows));
  }
  if (p.channels < 1 || p.channels > max_rows) {
    return invalid(fmt::format("{} channels are out of range; give 1 to {}", p.channels, max_rows));
  }
  if (p.batch > max_elements / p.channels / p.seqlen) {
    return invalid(fmt::format("{} x {} x {} samples are too many; split the batch", p.batch, p.channels, p.seqlen));
  }
  if (auto sparsity = validate_sparsity(p); !sparsity) return sparsity;
  if ((p.io == DataType::f64) != (p.precision == Precision::f64)) {
    return invalid(fmt::format("samples in {} with precision {} lose what fp64 is for; give f64 for both",
                               to_string(p.io), to_string(p.precision)));
  }
  if (auto filters = validate_filters(p); !filters) return filters;
  if (p.carry && (p.mode != Mode::causal || p.direction != Direction::forward)) {
    return invalid("only causal rows, forward, carry on to the next block; leave carry out of other problems");
  }
  if (p.carry && p.filter_len < 2) return invalid("a filter of one tap leaves nothing to carry; leave carry out");
  return validate_strides(p);
}

double error_budget(const Problem& p) {
  struct Class {
    double compute;   // transform and products in this precision class
    double rounding;  // of y to this I/O type: half an ulp of 1, which a few samples can reach
  };
  constexpr Class f16{2.0e-3, 0x1p-11}, bf16{1.5e-2, 0x1p-8}, f32{1e-6, 0}, f64{1e-14, 0};
  const double compute = p.precision == Precision::f16    ? f16.compute
                         : p.precision == Precision::bf16 ? bf16.compute
                         : p.precision == Precision::f32  ? f32.compute
                                                          : f64.compute;
  const double rounding = p.io == DataType::f16 ? f16.rounding : p.io == DataType::bf16 ? bf16.rounding : 0.0;
  return std::hypot(compute, rounding);
}

std::size_t size_of(DataType type) { return type == DataType::f64 ? 8 : type == DataType::f32 ? 4 : 2; }

DataType filter_type(const Problem& p) { return p.precision == Precision::f64 ? DataType::f64 : DataType::f32; }

std::size_t filter_bytes(const Problem& p) {
  return static_cast<std::size_t>(filter_count(p) * p.filter_len) * size_of(filter_type(p));
}

std::int64_t first_lag(const Problem& p) {
  if (p.mode != Mode::bidirectional) return 0;
  return p.direction == Direction::backward_input ? center(p) : -center(p);
}

int lag_step(const Problem& p) {
  const int forward = p.mode == Mode::anticausal ? -1 : 1;
  return p.direction == Direction::backward_input ? -forward : forward;
}

RowStrides row_strides(const Problem& p) {
  if (p.strides != std::array<std::int64_t, 3>{}) return {p.strides[0], p.strides[1], p.strides[2]};
  if (p.layout == Layout::blh) return {p.seqlen * p.channels, 1, p.channels};
  return {p.seqlen * p.channels, p.seqlen, 1};
}

std::int64_t carry_len(const Problem& p) { return p.carry ? p.filter_len - 1 : 0; }

bool reads_filter(const Problem& p) { return p.direction != Direction::backward_filter; }

std::int64_t filter_count(const Problem& p) {
  switch (p.sharing) {
    case FilterSharing::per_channel:
      return p.channels;
    case FilterSharing::per_group:
      return p.groups;
    case FilterSharing::per_example:
      return p.batch * p.channels;
  }
  return p.channels;
}

}  // namespace fftconv

std::size_t std::hash<fftconv::Problem>::operator()(const fftconv::Problem& p) const noexcept {
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  const auto mix = [&state](auto value) {  // the finaliser of splitmix64 over a running state
    state += static_cast<std::uint64_t>(value) + 0x9e3779b97f4a7c15u;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
    state ^= state >> 31;
  };
  mix(p.seqlen), mix(p.filter_len), mix(p.batch), mix(p.channels), mix(p.groups);
  mix(static_cast<int>(p.mode) | static_cast<int>(p.io) << 4 | static_cast<int>(p.precision) << 8 |
      static_cast<int>(p.direction) << 12 | static_cast<int>(p.sharing) << 16 | static_cast<int>(p.layout) << 20 |
      p.pregate << 24 | p.postgate << 25 | p.skip << 26 | p.carry << 27);
  for (const auto stride : p.strides) mix(stride);
  for (const auto mask : p.kept) mix(mask);
  return state;
}
