#include "bench/row_contender.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace fftconv::tools {
namespace {

constexpr std::int64_t kLine = 16;  // floats

std::int64_t in_lines(std::int64_t floats) { return (floats + kLine - 1) / kLine * kLine; }

}  // namespace

RowContender::RowContender(const BenchData& data, int threads, std::unique_ptr<RowTransform> transform)
    : data_(data),
      transform_(std::move(transform)),
      workers_(threads),
      memory_(static_cast<std::size_t>(threads)),
      stride_(in_lines(transform_->spectrum_floats())),
      y_(data.u.size()) {
  const std::int64_t n = transform_->points();
  for (Memory& memory : memory_) {
    memory.real.resize(static_cast<std::size_t>(n));
    memory.spectrum.resize(static_cast<std::size_t>(transform_->spectrum_floats()));
    memory.scratch.resize(static_cast<std::size_t>(transform_->scratch_floats()));
  }
  const std::int64_t filters = filter_count(data.problem);
  spectra_.resize(static_cast<std::size_t>(filters * stride_));
  for (std::int64_t f = 0; f < filters; ++f) {
    std::vector<float> period = periodic_filter(data, f, n);
    // Inverses are not normalised; the filter carries the factor.
    std::ranges::transform(period, memory_[0].real.begin(), [&](float tap) { return tap / static_cast<float>(n); });
    transform_->forward(memory_[0].real.data(), spectra_.data() + f * stride_, memory_[0].scratch.data());
  }
}

std::string RowContender::name() const {
  const int threads = workers_.threads();
  return fmt::format("{}, {} thread{}", transform_->name(), threads, threads == 1 ? "" : "s");
}

Result<void> RowContender::run() {
  const std::int64_t batch = data_.problem.batch, rows = batch * data_.problem.channels;
  const std::int64_t threads = workers_.threads();
  workers_.run([&](int thread) {
    Memory& memory = memory_[static_cast<std::size_t>(thread)];
    for (std::int64_t i = rows * thread / threads; i < rows * (thread + 1) / threads; ++i) {
      convolve(i % batch, i / batch, memory);
    }
  });
  return {};
}

std::int64_t RowContender::filter_of(std::int64_t example, std::int64_t channel) const {
  const Problem& p = data_.problem;
  if (p.sharing == FilterSharing::per_example) return example * p.channels + channel;
  return p.sharing == FilterSharing::per_channel ? channel : channel / (p.channels / p.groups);
}

void RowContender::convolve(std::int64_t example, std::int64_t channel, Memory& memory) {
  const std::int64_t length = data_.problem.seqlen, n = transform_->points();
  const std::int64_t at = (example * data_.problem.channels + channel) * length;
  const bool in_place = length == n && length % kLine == 0;
  const float* x = data_.u.data() + at;
  float* const real = memory.real.data();
  if (!in_place) {
    std::memcpy(real, x, static_cast<std::size_t>(length) * sizeof(float));
    std::fill(real + length, real + n, 0.0f);
    x = real;
  }
  float* const spectrum = memory.spectrum.data();
  transform_->forward(x, spectrum, memory.scratch.data());
  transform_->multiply(spectrum, spectra_.data() + filter_of(example, channel) * stride_);
  float* const y = y_.data() + at;
  transform_->inverse(spectrum, in_place ? y : real, memory.scratch.data());
  if (!in_place) std::memcpy(y, real, static_cast<std::size_t>(length) * sizeof(float));
}

}  // namespace fftconv::tools
