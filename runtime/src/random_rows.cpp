#include "random_rows.h"

#include <algorithm>

#include "random_samples.h"
#include "rows.h"

namespace fftconv {
namespace {

constexpr std::int64_t kStagedElements = 1 << 20;
constexpr std::byte kBetweenSamples{0x3c};  // 1 and less, in every type

/// The finalizer of SplitMix64: bits that look random from numbers that do not.
std::uint64_t mixed(std::uint64_t seed, std::int64_t number) {
  std::uint64_t z = seed + 0x9e3779b97f4a7c15ull * (static_cast<std::uint64_t>(number) + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

RowKinds::RowKinds(std::int64_t rows, std::int64_t most, std::uint64_t seed)
    : count_(std::min(rows, most)), own_(rows <= most), seed_(mixed(seed, 0)) {}

std::int64_t RowKinds::of(std::int64_t row) const {
  if (own_) return row;
  return static_cast<std::int64_t>(mixed(seed_, row) % static_cast<std::uint64_t>(count_));
}

RandomRows::RandomRows(DataType type, const RowPlaces& places, const RowKinds& kinds, std::uint64_t seed,
                       Options options)
    : type_(type), places_(places), kinds_(kinds), seed_(mixed(seed, 1)), signs_(options.signs) {
  const std::int64_t count = places.rows() > 0 ? kinds.count() * places.length : 0;
  const RandomSamples samples(type, count, options.scale, seed);
  bytes_.resize(static_cast<std::size_t>(count) * size_of(type));
  for (std::int64_t i = 0; i < count; ++i) store_element(type, bytes_.data(), i, samples.at(i));
}

std::vector<double> RandomRows::samples(std::int64_t kind) const {
  if (bytes_.empty()) return {};
  std::vector<double> row(static_cast<std::size_t>(places_.length));
  for (std::int64_t n = 0; n < places_.length; ++n) {
    row[static_cast<std::size_t>(n)] = load_element(type_, bytes_.data(), kind * places_.length + n);
  }
  return row;
}

double RandomRows::sign(std::int64_t row) const {
  return signs_ && !bytes_.empty() && mixed(seed_, row) >> 63 ? -1 : 1;
}

/// The samples from … to - 1 of a row, `from` at the target. Of all types the top bit is the sign.
template <class Bits>
void RandomRows::copy(std::int64_t row, std::int64_t from, std::int64_t to, Bits* target) const {
  const Bits* source = reinterpret_cast<const Bits*>(bytes_.data()) + kinds_.of(row) * places_.length + from;
  const Bits flip = sign(row) < 0 ? static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1)) : Bits{0};
  const std::int64_t step = places_.step;
  for (std::int64_t n = 0; n < to - from; ++n) target[n * step] = static_cast<Bits>(source[n] ^ flip);
}

Result<void> RandomRows::upload(Device& device, void* destination) const {
  const std::size_t width = size_of(type_);
  const std::int64_t total = places_.elements;
  std::vector<std::byte> staged(static_cast<std::size_t>(std::min(total, kStagedElements)) * width, kBetweenSamples);
  for (std::int64_t first = 0; first < total; first += kStagedElements) {
    const std::int64_t last = std::min(total, first + kStagedElements);
    if (places_.has_gaps()) std::fill(staged.begin(), staged.end(), kBetweenSamples);
    for_rows_between(places_, first, last, [&](std::int64_t row, std::int64_t from, std::int64_t to) {
      std::byte* target =
          staged.data() + static_cast<std::size_t>(places_.start(row) + from * places_.step - first) * width;
      switch (width) {
        case 2:
          return copy(row, from, to, reinterpret_cast<std::uint16_t*>(target));
        case 4:
          return copy(row, from, to, reinterpret_cast<std::uint32_t*>(target));
        default:
          return copy(row, from, to, reinterpret_cast<std::uint64_t*>(target));
      }
    });
    auto* place = static_cast<std::byte*>(destination) + static_cast<std::size_t>(first) * width;
    if (auto copied = device.upload(place, staged.data(), static_cast<std::size_t>(last - first) * width); !copied) {
      return copied;
    }
  }
  return {};
}

}  // namespace fftconv
