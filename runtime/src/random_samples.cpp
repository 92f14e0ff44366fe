#include "random_samples.h"

#include <algorithm>
#include <random>

#include "rows.h"

namespace fftconv {
namespace {

constexpr std::int64_t kPeriod = 1'048'573;  // the largest prime below 2^20

}  // namespace

RandomSamples::RandomSamples(DataType type, std::int64_t count, double scale, std::uint64_t seed)
    : type_(type), period_(std::min(count, kPeriod)) {
  bytes_.resize(static_cast<std::size_t>(period_) * size_of(type));
  std::mt19937_64 random(seed);
  for (std::int64_t i = 0; i < period_; ++i) {
    // The library's distributions differ between implementations; 53 bits of the generator do not.
    const double unit = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
    store_element(type, bytes_.data(), i, scale * unit);
  }
}

double RandomSamples::at(std::int64_t index) const { return load_element(type_, bytes_.data(), index % period_); }

}  // namespace fftconv
