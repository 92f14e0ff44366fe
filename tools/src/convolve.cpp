#include "convolve.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "fftconv/half.h"
#include "fftconv/reference.h"

namespace fftconv::tools {
namespace {

/// Which filter row (b, h) uses.
std::int64_t filter_row(const Problem& problem, std::int64_t b, std::int64_t h) {
  switch (problem.sharing) {
    case FilterSharing::per_channel:
      return h;
    case FilterSharing::per_group:
      return h / (problem.channels / problem.groups);
    case FilterSharing::per_example:
      break;
  }
  return b * problem.channels + h;
}

double rounded(double value, DataType type) {
  switch (type) {
    case DataType::f16:
      return from_f16(to_f16(value));
    case DataType::bf16:
      return from_bf16(to_bf16(value));
    case DataType::f32:
      return static_cast<float>(value);
    case DataType::f64:
      break;
  }
  return value;
}

template <class T>
void store(std::byte* at, std::size_t i, T value) {
  std::memcpy(at + i * sizeof(T), &value, sizeof(T));
}

template <class T>
T load(const std::byte* at, std::size_t i) {
  T value;
  std::memcpy(&value, at + i * sizeof(T), sizeof(T));
  return value;
}

Result<std::unique_ptr<DeviceBuffer>> uploaded(Device& device, const void* data, std::size_t bytes) {
  auto buffer = device.allocate(bytes);
  if (!buffer) return buffer.error();
  auto copied = device.upload((*buffer)->data(), data, bytes);
  if (!copied) return copied.error();
  return buffer;
}

}  // namespace

std::vector<std::byte> pack(std::span<const double> values, DataType type) {
  std::vector<std::byte> bytes(values.size() * size_of(type));
  for (std::size_t i = 0; i < values.size(); ++i) {
    switch (type) {
      case DataType::f16:
        store(bytes.data(), i, to_f16(values[i]));
        break;
      case DataType::bf16:
        store(bytes.data(), i, to_bf16(values[i]));
        break;
      case DataType::f32:
        store(bytes.data(), i, static_cast<float>(values[i]));
        break;
      case DataType::f64:
        store(bytes.data(), i, values[i]);
        break;
    }
  }
  return bytes;
}

std::vector<double> unpack(std::span<const std::byte> bytes, DataType type) {
  std::vector<double> values(bytes.size() / size_of(type));
  for (std::size_t i = 0; i < values.size(); ++i) {
    switch (type) {
      case DataType::f16:
        values[i] = from_f16(load<std::uint16_t>(bytes.data(), i));
        break;
      case DataType::bf16:
        values[i] = from_bf16(load<std::uint16_t>(bytes.data(), i));
        break;
      case DataType::f32:
        values[i] = load<float>(bytes.data(), i);
        break;
      case DataType::f64:
        values[i] = load<double>(bytes.data(), i);
        break;
    }
  }
  return values;
}

Result<Convolution> Convolution::prepare(Device& device, const Plan& plan, std::span<const double> u,
                                         std::span<const double> filter) {
  Convolution convolution(device, plan);
  const std::vector<std::byte> packed = pack(u, plan.problem().io);
  auto u_buffer = uploaded(device, packed.data(), packed.size());
  if (!u_buffer) return u_buffer.error();
  const std::vector<std::byte> taps = pack(filter, filter_type(plan.problem()));
  auto filter_buffer = uploaded(device, taps.data(), taps.size());
  if (!filter_buffer) return filter_buffer.error();
  auto y_buffer = device.allocate(packed.size());
  if (!y_buffer) return y_buffer.error();
  auto spectrum = plan.make_spectrum((*filter_buffer)->data());
  if (!spectrum) return spectrum.error();
  convolution.u_ = std::move(*u_buffer);
  convolution.filter_ = std::move(*filter_buffer);
  convolution.y_ = std::move(*y_buffer);
  convolution.spectrum_.push_back(std::move(*spectrum));
  return convolution;
}

Result<void> Convolution::start() {
  const ConvolutionBuffers buffers{.u = u_->data(), .y = y_->data(), .spectrum = &spectrum_.front()};
  return plan_.execute(buffers);
}

Result<void> Convolution::run() {
  auto started = start();
  if (!started) return started;
  return device_->synchronize(nullptr);
}

Result<std::vector<double>> Convolution::result() {
  std::vector<std::byte> bytes(u_->size());
  const Problem& problem = plan_.problem();
  bytes.resize(static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen) * size_of(problem.io));
  auto copied = device_->download(bytes.data(), y_->data(), bytes.size());
  if (!copied) return copied.error();
  return unpack(bytes, problem.io);
}

double error_against_fp64(const Problem& problem, std::span<const double> u, std::span<const double> filter,
                          std::span<const double> y, std::int64_t step) {
  const auto length = static_cast<std::size_t>(problem.seqlen);
  const auto taps = static_cast<std::size_t>(problem.filter_len);
  std::vector<double> row(length), k(taps);
  double difference = 0, norm = 0;
  for (std::int64_t r = 0; r < problem.batch * problem.channels; r += step) {
    const std::size_t start = static_cast<std::size_t>(r) * length;
    const std::int64_t f = filter_row(problem, r / problem.channels, r % problem.channels);
    for (std::size_t i = 0; i < length; ++i) row[i] = rounded(u[start + i], problem.io);
    for (std::size_t i = 0; i < taps; ++i)
      k[i] = rounded(filter[static_cast<std::size_t>(f) * taps + i], filter_type(problem));
    const std::vector<double> exact = reference_row(problem, row, k);
    for (std::size_t i = 0; i < length; ++i) {
      const double value = y[start + i];
      if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
      difference += (value - exact[i]) * (value - exact[i]);
      norm += exact[i] * exact[i];
    }
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

std::vector<double> random_input(const Problem& problem, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<double> values(static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen));
  for (double& value : values) value = normal(engine);
  return values;
}

std::vector<double> random_filter(const Problem& problem, std::uint64_t seed) {
  std::mt19937_64 engine(seed ^ 0x9e3779b97f4a7c15u);
  std::normal_distribution<float> normal;
  const auto taps = static_cast<std::size_t>(problem.filter_len);
  std::vector<double> values(static_cast<std::size_t>(filter_count(problem)) * taps);
  for (std::size_t start = 0; start < values.size(); start += taps) {
    double norm = 0;
    for (std::size_t i = 0; i < taps; ++i) {
      const double decay = std::exp(-4.0 * static_cast<double>(i) / static_cast<double>(taps));
      values[start + i] = normal(engine) * decay;
      norm += values[start + i] * values[start + i];
    }
    const double scale = norm > 0 ? 1 / std::sqrt(norm) : 1;
    for (std::size_t i = 0; i < taps; ++i) values[start + i] = static_cast<float>(values[start + i] * scale);
  }
  return values;
}

}  // namespace fftconv::tools
