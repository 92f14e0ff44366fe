// Runs a convolution on the CPU device and says how far it is from fp64.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend.h"
#include "cpu/cpu_device.h"
#include "fftconv/half.h"
#include "fftconv/reference.h"
#include "rows.h"

namespace fftconv::cpu_test {

/// Devices with two threads, one for each arch in the whole program; "" is the best that this processor runs.
inline Device& device(const std::string& arch = {}) {
  static std::map<std::string, std::shared_ptr<Device>> devices;
  std::shared_ptr<Device>& found = devices[arch];
  if (found) return *found;
  Result<std::shared_ptr<Device>> made = make_cpu_device(2, arch);
  if (!made) throw std::runtime_error(made.error().message);
  found = *made;
  return *found;
}

/// Chosen anew for each run and printed; FFTCONV_TEST_SEED repeats one.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("FFTCONV_TEST_SEED");
    const std::uint64_t chosen = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    fmt::print("seed {}\n", chosen);
    return chosen;
  }();
  return value;
}

/// Random tensors of a problem, on the host. y (or dk) lies between canaries.
class Data {
 public:
  static constexpr std::size_t kCanary = 192;  ///< bytes before and after y

  explicit Data(const Problem& problem, std::uint64_t extra = 0) : problem_(problem), random_(seed() + extra) {
    const auto samples = static_cast<std::size_t>(extent(problem));
    u_ = tensor(samples, problem.io);
    pregate_ = tensor(problem.pregate ? samples : 0, problem.io);
    postgate_ = tensor(problem.postgate ? samples : 0, problem.io);
    skip_ = floats(problem.skip ? problem.channels : 0);
    filter_ = tensor(static_cast<std::size_t>(filter_count(problem) * problem.filter_len), filter_type(problem));
    dy_ = tensor(reads_filter(problem) ? 0 : samples, problem.io);
    carry_ = tensor(carry_bytes(problem) / size_of(filter_type(problem)), filter_type(problem));
    carry_out_.resize(carry_.size());
    const OutputRows output = output_rows(problem);
    y_.assign(static_cast<std::size_t>(output.elements) * size_of(output.type) + 2 * kCanary, std::byte{0xa5});
  }

  KernelArgs args() {
    KernelArgs args;
    args.u = u_.data();
    (reads_filter(problem_) ? args.y : args.dk) = y_.data() + kCanary;
    args.carry_in = carry_.empty() ? nullptr : carry_.data();
    args.carry_out = carry_out_.empty() ? nullptr : carry_out_.data();
    args.dy = dy_.empty() ? nullptr : dy_.data();
    args.filter = filter_.data();
    args.pregate = pregate_.empty() ? nullptr : pregate_.data();
    args.postgate = postgate_.empty() ? nullptr : postgate_.data();
    args.skip = skip_.empty() ? nullptr : skip_.data();
    args.batch = problem_.batch;
    args.channels = problem_.channels;
    args.seqlen = problem_.seqlen;
    args.filter_len = problem_.filter_len;
    args.filters = filter_count(problem_);
    const RowStrides strides = row_strides(problem_);
    args.batch_stride = strides.batch;
    args.channel_stride = strides.channel;
    args.sample_stride = strides.sample;
    return args;
  }

  /// Relative L2 error of all rows together.
  double error() {
    const KernelArgs a = args();
    std::vector<double> got, wanted;
    if (!reads_filter(problem_)) {
      for (std::int64_t j = 0; j < filter_count(problem_) * problem_.filter_len; ++j) {
        got.push_back(load_element(filter_type(problem_), a.dk, j));
      }
      for (std::int64_t f = 0; f < filter_count(problem_); ++f) {
        std::vector<double> sum(static_cast<std::size_t>(problem_.filter_len));
        for (const RowId& row : rows_of_filter(problem_, f)) {
          const std::vector<double> share = expected_row(problem_, load_inputs(problem_, a, row.b, row.h));
          for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += share[j];
        }
        wanted.insert(wanted.end(), sum.begin(), sum.end());
      }
      return relative_l2_error(got, wanted);
    }
    for (std::int64_t b = 0; b < problem_.batch; ++b) {
      for (std::int64_t h = 0; h < problem_.channels; ++h) {
        const RowInputs inputs = load_inputs(problem_, a, b, h);
        const std::vector<double> row = load_row(problem_, a.y, b, h), exact = expected_row(problem_, inputs);
        got.insert(got.end(), row.begin(), row.end());
        wanted.insert(wanted.end(), exact.begin(), exact.end());
        if (!problem_.carry) continue;
        const std::vector<double> left = expected_carry(problem_, inputs);
        const std::int64_t first = (b * problem_.channels + h) * carry_len(problem_);
        for (std::int64_t t = 0; t < carry_len(problem_); ++t) {
          got.push_back(load_element(filter_type(problem_), carry_out_.data(), first + t));
        }
        wanted.insert(wanted.end(), left.begin(), left.end());
      }
    }
    return relative_l2_error(got, wanted);
  }

  bool canaries_live() const {
    for (std::size_t i = 0; i < kCanary; ++i) {
      if (y_[i] != std::byte{0xa5} || y_[y_.size() - 1 - i] != std::byte{0xa5}) return false;
    }
    return true;
  }
  /// Whether what lies between the samples of y is as it was.
  bool holes_live() const {
    std::vector<bool> is_sample(static_cast<std::size_t>(extent(problem_)));
    const RowStrides strides = row_strides(problem_);
    for (std::int64_t b = 0; b < problem_.batch; ++b) {
      for (std::int64_t h = 0; h < problem_.channels; ++h) {
        for (std::int64_t n = 0; n < problem_.seqlen; ++n)
          is_sample[static_cast<std::size_t>(b * strides.batch + h * strides.channel + n * strides.sample)] = true;
      }
    }
    const std::size_t size = size_of(problem_.io);
    for (std::size_t i = 0; reads_filter(problem_) && i < is_sample.size() * size; ++i) {
      if (!is_sample[i / size] && y_[kCanary + i] != std::byte{0xa5}) return false;
    }
    return true;
  }
  const std::vector<std::byte>& y_bytes() const { return y_; }

 private:
  std::vector<float> floats(std::int64_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random_);
    return values;
  }
  std::vector<std::byte> tensor(std::size_t samples, DataType type) {
    std::normal_distribution<double> normal;
    std::vector<std::byte> bytes(samples * size_of(type));
    for (std::size_t i = 0; i < samples; ++i) {
      store_element(type, bytes.data(), static_cast<std::int64_t>(i), normal(random_));
    }
    return bytes;
  }

  Problem problem_;
  std::mt19937_64 random_;
  std::vector<std::byte> u_, pregate_, postgate_, filter_, dy_, carry_, carry_out_, y_;
  std::vector<float> skip_;
};

/// A compiled and loaded candidate with the filter's spectrum.
struct Ready {
  KernelSource source;
  std::shared_ptr<const LoadedKernel> kernel;
  std::unique_ptr<DeviceBuffer> tables, spectrum;

  KernelArgs with(KernelArgs args) const {
    args.tables = tables->data();
    args.spectrum = spectrum->data();
    return args;
  }
};

inline Result<Ready> prepare(const Problem& problem, const KernelConfig& config, const KernelArgs& args,
                             Device& device = cpu_test::device()) {
  Result<KernelSource> source = cpu::emit(problem, config, device.facts());
  if (!source) return source.error();
  Result<CompiledKernel> compiled = device.compile(*source);
  if (!compiled) return compiled.error();
  auto kernel = device.load(*source, *compiled);
  if (!kernel) return kernel.error();
  auto tables = device.allocate(source->tables.size());
  auto spectrum = device.allocate(static_cast<std::size_t>(source->spectrum_bytes));
  if (!tables || !spectrum) return Error{ErrorCode::out_of_memory, "No memory for the tables: run fewer tests."};
  Ready ready{std::move(*source), std::move(*kernel), std::move(*tables), std::move(*spectrum)};
  std::memcpy(ready.tables->data(), ready.source.tables.data(), ready.source.tables.size());
  if (!reads_filter(problem)) return ready;
  if (Result<void> made = ready.kernel->launch(ready.source.spectrum, ready.with(args), nullptr); !made) {
    return made.error();
  }
  return ready;
}

/// Runs one config; infinity and a message where it fails.
inline double error_of(const Problem& problem, const KernelConfig& config, Device& device = cpu_test::device()) {
  Data data(problem);
  Result<Ready> ready = prepare(problem, config, data.args(), device);
  if (!ready) {
    FAIL_CHECK(to_string(problem), " ", to_string(config), ": ", ready.error().message);
    return HUGE_VAL;
  }
  const Result<void> launched = ready->kernel->launch(ready->source.convolution, ready->with(data.args()), nullptr);
  if (!launched) {
    FAIL_CHECK(launched.error().message);
    return HUGE_VAL;
  }
  CHECK_MESSAGE(data.canaries_live(), to_string(problem), " ", to_string(config), " wrote past y");
  CHECK_MESSAGE(data.holes_live(), to_string(problem), " ", to_string(config), " wrote between the samples of y");
  return data.error();
}

/// fp32 arithmetic is better than its budget; the other types are limited by the rounding of y, which in a few
/// samples can all be as large as rounding gets: half a unit in the last place.
inline double allowed(const Problem& problem) {
  if (problem.io == DataType::f64) return 2e-15;
  if (problem.io == DataType::f32 || !reads_filter(problem)) return 5e-7;  // dk is not rounded to the I/O type
  const double worst = problem.io == DataType::f16 ? 0x1p-11 : 0x1p-8;
  return problem.batch * problem.channels * problem.seqlen < 1000 ? worst : error_budget(problem);
}

inline void check_error(const Problem& problem, const KernelConfig& config, Device& on = device()) {
  const double error = error_of(problem, config, on);
  CHECK_MESSAGE(error <= allowed(problem), to_string(problem), " ", to_string(config), ": error ", error);
}
/// Of the plain default.
inline void check_error(const Problem& problem) {
  const Result<KernelConfig> config = cpu::default_config(problem, device().facts());
  REQUIRE_MESSAGE(config, to_string(problem));
  check_error(problem, *config);
}

inline Problem make_problem(Mode mode, std::int64_t seqlen, std::int64_t filter_len, DataType io = DataType::f32) {
  Problem problem;
  problem.mode = mode;
  problem.seqlen = seqlen;
  problem.filter_len = filter_len;
  problem.batch = 3;
  problem.channels = 2;
  problem.io = io;
  return problem;
}

/// The plain default and others of a problem's candidates, at most `most`, drawn anew in each run: a space has
/// hundreds.
inline std::vector<KernelConfig> some_candidates(const Problem& problem, const DeviceFacts& facts, std::size_t most) {
  std::vector<KernelConfig> configs = cpu::candidates(problem, facts);
  if (configs.size() <= most) return configs;
  std::mt19937_64 random(seed() + static_cast<std::uint64_t>(problem.seqlen));
  std::shuffle(configs.begin() + 1, configs.end(), random);
  configs.resize(most);
  return configs;
}

}  // namespace fftconv::cpu_test
