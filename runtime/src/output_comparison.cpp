#include "output_comparison.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "fftconv/half.h"
#include "guarded_buffer.h"
#include "rows.h"

namespace fftconv {
namespace {

constexpr std::int64_t kComparedBytes = 1 << 20;  // copied at a time, a multiple of every sample's size
constexpr std::int64_t kPiece = 1024;             // samples that stay in the first-level cache with their fp64 values

// Gigabytes are converted: from_f16() takes several times as long as this.
const std::vector<float>& f16_values() {
  static const std::vector<float> values = [] {
    std::vector<float> table(1 << 16);
    for (std::size_t bits = 0; bits < table.size(); ++bits) {
      table[bits] = static_cast<float>(from_f16(static_cast<std::uint16_t>(bits)));
    }
    return table;
  }();
  return values;
}

template <class T, class Convert>
void convert(const void* base, std::int64_t count, double* values, const Convert& value_of) {
  const T* from = static_cast<const T*>(base);
  for (std::int64_t i = 0; i < count; ++i) values[i] = value_of(from[i]);
}

void to_doubles(DataType type, const void* base, std::int64_t count, double* values) {
  switch (type) {
    case DataType::f16:
      return convert<std::uint16_t>(base, count, values,
                                    [table = f16_values().data()](std::uint16_t bits) { return table[bits]; });
    case DataType::bf16:
      return convert<std::uint16_t>(base, count, values, [](std::uint16_t bits) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
      });
    case DataType::f64:
      return convert<double>(base, count, values, [](double value) { return value; });
    case DataType::f32:
      return convert<float>(base, count, values, [](float value) { return value; });
  }
}

/// Of a row, as far as it was seen.
struct Norms {
  double difference = 0, expected = 0;  ///< squared
  void add(const double* found, const double* wanted, std::int64_t count) {
    constexpr std::int64_t lanes = 8;  // sums apart, which are vectorised
    std::array<double, lanes> d{}, w{};
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const double difference_here = found[i + lane] - wanted[i + lane];
        d[lane] += difference_here * difference_here;
        w[lane] += wanted[i + lane] * wanted[i + lane];
      }
    }
    for (; i < count; ++i) {
      d[0] += (found[i] - wanted[i]) * (found[i] - wanted[i]);
      w[0] += wanted[i] * wanted[i];
    }
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      difference += d[lane];
      expected += w[lane];
    }
  }
  double error() const { return std::sqrt(expected > 0 ? difference / expected : difference); }
};

class Comparer {
 public:
  Comparer(DataType type, const RowPlaces& places, const ExpectedSamples& expected)
      : type_(type), width_(size_of(type)), places_(places), expected_(expected), norms_(places.rows()) {}

  /// Elements first … last - 1.
  void take(const std::byte* chunk, std::int64_t first, std::int64_t last) {
    if (places_.has_gaps()) sample_here_.assign(static_cast<std::size_t>(last - first), false);
    for_rows_between(places_, first, last, [&](std::int64_t row, std::int64_t from, std::int64_t to) {
      for (std::int64_t n = from; n < to; n += kPiece) {
        take_piece(chunk, places_.start(row) + n * places_.step - first, row, n, std::min(to, n + kPiece));
      }
    });
    if (places_.has_gaps()) look_between(chunk);
  }

  OutputComparison result(std::uint64_t sum) const {
    OutputComparison result{.finite = finite_, .gaps_live = gaps_live_, .sum = sum};
    for (const Norms& norms : norms_) result.error = std::max(result.error, norms.error());
    if (!finite_) result.error = std::numeric_limits<double>::infinity();
    return result;
  }

 private:
  // `place`: of the first sample in the chunk.
  void take_piece(const std::byte* chunk, std::int64_t place, std::int64_t row, std::int64_t from, std::int64_t to) {
    const std::int64_t count = to - from;
    const std::byte* samples = chunk + static_cast<std::size_t>(place) * width_;
    if (places_.step > 1) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t at = i * places_.step;
        std::memcpy(gathered_.data() + static_cast<std::size_t>(i) * width_,
                    samples + static_cast<std::size_t>(at) * width_, width_);
      }
      samples = gathered_.data();
    }
    if (places_.has_gaps()) {
      for (std::int64_t i = 0; i < count; ++i)
        sample_here_[static_cast<std::size_t>(place + i * places_.step)] = true;
    }
    finite_ &= all_finite(type_, samples, count);
    to_doubles(type_, samples, count, found_.data());
    expected_(row, from, to, wanted_.data());
    norms_[static_cast<std::size_t>(row)].add(found_.data(), wanted_.data(), count);
  }

  void look_between(const std::byte* chunk) {
    for (std::size_t i = 0; i < sample_here_.size(); ++i) {
      const std::byte* element = chunk + i * width_;
      if (!sample_here_[i]) gaps_live_ &= GuardedBuffer::is_poison(element, width_);
    }
  }

  DataType type_;
  std::size_t width_;
  const RowPlaces& places_;
  const ExpectedSamples& expected_;
  std::vector<Norms> norms_;  ///< by row
  std::vector<bool> sample_here_;
  bool finite_ = true, gaps_live_ = true;
  alignas(double) std::array<std::byte, kPiece * sizeof(double)> gathered_;
  std::array<double, kPiece> found_, wanted_;
};

}  // namespace

Result<OutputComparison> compare_output(Device& device, const void* output, DataType type, const RowPlaces& places,
                                        const ExpectedSamples& expected) {
  const auto width = static_cast<std::int64_t>(size_of(type));
  const std::int64_t at_once = kComparedBytes / width;
  std::vector<std::byte> chunk(static_cast<std::size_t>(std::min(places.elements, at_once) * width));
  Comparer comparer(type, places, expected);
  ContentSum sum(static_cast<std::size_t>(places.elements * width));
  for (std::int64_t first = 0; first < places.elements; first += at_once) {
    const std::int64_t last = std::min(places.elements, first + at_once);
    const auto bytes = static_cast<std::size_t>((last - first) * width);
    const auto* source = static_cast<const std::byte*>(output) + first * width;
    if (auto copied = device.download(chunk.data(), source, bytes); !copied) return copied.error();
    sum.add(chunk.data(), bytes);
    comparer.take(chunk.data(), first, last);
  }
  return comparer.result(sum.value());
}

}  // namespace fftconv
