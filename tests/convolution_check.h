// Runs one convolution on a device with random data and compares it with fp64.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "fftconv/device.h"
#include "fftconv/half.h"
#include "fftconv/reference.h"

namespace fftconv::test {

/// `x` rounded to the I/O type.
inline double rounded(DataType type, double x) {
  if (type == DataType::f16) return from_f16(to_f16(x));
  if (type == DataType::bf16) return from_bf16(to_bf16(x));
  return static_cast<float>(x);
}

inline void store_sample(DataType type, std::byte* at, double x) {
  if (type == DataType::f32) {
    const auto v = static_cast<float>(x);
    std::memcpy(at, &v, 4);
  } else {
    const std::uint16_t v = type == DataType::f16 ? to_f16(x) : to_bf16(x);
    std::memcpy(at, &v, 2);
  }
}

inline double load_sample(DataType type, const std::byte* at) {
  if (type == DataType::f32) {
    float v;
    std::memcpy(&v, at, 4);
    return v;
  }
  std::uint16_t v;
  std::memcpy(&v, at, 2);
  return type == DataType::f16 ? from_f16(v) : from_bf16(v);
}

struct Outcome {
  std::string failure;      ///< what went wrong before a comparison was possible
  double error = INFINITY;  ///< relative L2 error over all rows
  double worst_row = 0;     ///< of any one row
};

/// Random rows of unit scale, filters that decay over their length as trained long filters do.
inline Outcome check_source(Device& device, const KernelSource& given, std::uint64_t seed) {
  const auto fail = [](const Error& error) { return Outcome{error.message}; };
  const KernelSource* source = &given;
  const Problem& problem = given.problem;
  Result<CompiledKernel> compiled = device.compile(*source);
  if (!compiled) return fail(compiled.error());
  auto loaded = device.load(*source, *compiled);
  if (!loaded) return fail(loaded.error());

  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const std::int64_t rows = problem.batch * problem.channels, filters = filter_count(problem);
  const std::size_t io = size_of(problem.io);
  std::vector<double> u(rows * problem.seqlen);
  std::vector<std::byte> u_bytes(u.size() * io);
  for (std::size_t i = 0; i < u.size(); ++i) {
    u[i] = rounded(problem.io, normal(random));
    store_sample(problem.io, u_bytes.data() + i * io, u[i]);
  }
  std::vector<float> k(filters * problem.filter_len);
  for (std::int64_t i = 0; i < filters * problem.filter_len; ++i) {
    const double lag = static_cast<double>(i % problem.filter_len) / static_cast<double>(problem.filter_len);
    k[i] =
        static_cast<float>(normal(random) * std::exp(-3 * lag) / std::sqrt(static_cast<double>(problem.filter_len)));
  }

  const auto buffer = [&](std::size_t bytes) { return device.allocate(bytes); };
  auto du = buffer(u_bytes.size()), dy = buffer(u_bytes.size()), dk = buffer(k.size() * 4),
       ds = buffer(source->spectrum_bytes), dx = buffer(source->spectrum_scratch_bytes + 16),
       dt = buffer(source->tables.size() + 16);
  for (auto* b : {&du, &dy, &dk, &ds, &dx, &dt}) {
    if (!*b) return fail(b->error());
  }
  std::vector<std::byte> poison(u_bytes.size(), std::byte{0xff});
  for (const Result<void>& r : {device.upload((*du)->data(), u_bytes.data(), u_bytes.size()),
                                device.upload((*dy)->data(), poison.data(), poison.size()),
                                device.upload((*dk)->data(), k.data(), k.size() * 4),
                                device.upload((*dt)->data(), source->tables.data(), source->tables.size())}) {
    if (!r) return fail(r.error());
  }
  KernelArgs args;
  args.u = (*du)->data();
  args.y = (*dy)->data();
  args.filter = (*dk)->data();
  args.spectrum = (*ds)->data();
  args.scratch = (*dx)->data();
  args.tables = (*dt)->data();
  args.batch = problem.batch;
  args.channels = problem.channels;
  args.seqlen = problem.seqlen;
  args.filter_len = problem.filter_len;
  args.filters = filters;
  for (const KernelEntry* entry : {&source->spectrum, &source->convolution}) {
    if (Result<void> r = (*loaded)->launch(*entry, args, nullptr); !r) return fail(r.error());
    if (Result<void> r = device.synchronize(nullptr); !r) return fail(r.error());
  }
  std::vector<std::byte> y_bytes(u_bytes.size());
  if (Result<void> r = device.download(y_bytes.data(), (*dy)->data(), y_bytes.size()); !r) return fail(r.error());

  Outcome outcome;
  std::vector<double> got(u.size()), expected;
  for (std::size_t i = 0; i < got.size(); ++i) got[i] = load_sample(problem.io, y_bytes.data() + i * io);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t h = row % problem.channels;
    const std::int64_t filter = problem.sharing == FilterSharing::per_example ? row
                                : problem.sharing == FilterSharing::per_group
                                    ? h / (problem.channels / problem.groups)
                                    : h;
    std::vector<double> taps(k.begin() + filter * problem.filter_len, k.begin() + (filter + 1) * problem.filter_len);
    const std::span<const double> input(u.data() + row * problem.seqlen, static_cast<std::size_t>(problem.seqlen));
    const std::vector<double> y = reference_row(problem, input, taps);
    const std::span<const double> output(got.data() + row * problem.seqlen, static_cast<std::size_t>(problem.seqlen));
    outcome.worst_row = std::max(outcome.worst_row, relative_l2_error(output, y));
    expected.insert(expected.end(), y.begin(), y.end());
  }
  outcome.error = relative_l2_error(got, expected);
  return outcome;
}

inline Outcome check_convolution(Device& device, const Problem& problem, const KernelConfig& config,
                                 std::uint64_t seed) {
  Result<KernelSource> source = emit(problem, config, device.facts());
  if (!source) return {source.error().message};
  return check_source(device, *source, seed);
}

}  // namespace fftconv::test
