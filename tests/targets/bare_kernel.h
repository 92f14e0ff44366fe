// A kernel of the CPU device without plan and dispatcher, and tensors of streaming data for it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "fftconv/cpu_device.h"
#include "fftconv/search_space.h"

namespace fftconv::targets {

/// The CPU device with one thread; without it the program ends with status 2.
inline std::shared_ptr<Device> one_thread() {
  auto device = open_cpu_device({.threads = 1, .arch = {}, .executor = nullptr});
  if (device) return *device;
  fmt::print(stderr, "{}\n", device.error().message);
  std::exit(2);
}

/// One set for all kernels of a problem; what a problem lacks stays empty. In the device's own memory: rows that are
/// not aligned are not written past the caches.
struct Tensors {
  std::unique_ptr<DeviceBuffer> u, taps, y, pregate, postgate;
  std::int64_t samples = 0;

  Tensors(Device& device, const Problem& problem) : samples(problem.batch * problem.channels * problem.seqlen) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const auto count = static_cast<std::size_t>(problem.channels * problem.filter_len);
    const auto make = [&](std::size_t numbers) { return device.allocate(numbers * sizeof(float)).value(); };
    taps = make(count);
    auto* const drawn = static_cast<float*>(taps->data());
    for (std::size_t i = 0; i < count; ++i) drawn[i] = normal(random);
    const auto filled = [&](std::size_t shift) {
      auto tensor = make(static_cast<std::size_t>(samples));
      auto* const to = static_cast<float*>(tensor->data());
      for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i) to[i] = drawn[(i + shift) % count];
      return tensor;
    };
    u = filled(0);
    if (problem.pregate) pregate = filled(1);
    if (problem.postgate) postgate = filled(2);
    y = filled(0);
  }
};

struct BareKernel {
  Problem problem;
  KernelSource source;
  std::shared_ptr<const LoadedKernel> loaded;
  std::unique_ptr<DeviceBuffer> spectrum;
  std::vector<double> times;
};

inline KernelArgs args_of(const BareKernel& kernel, Tensors& tensors) {
  const RowStrides strides = row_strides(kernel.problem);
  KernelArgs args;
  args.u = tensors.u->data();
  args.y = tensors.y->data();
  args.filter = tensors.taps->data();
  args.spectrum = kernel.spectrum->data();
  args.tables = kernel.source.tables.data();
  if (kernel.problem.pregate) args.pregate = tensors.pregate->data();
  if (kernel.problem.postgate) args.postgate = tensors.postgate->data();
  args.batch = kernel.problem.batch;
  args.channels = args.filters = kernel.problem.channels;
  args.seqlen = kernel.problem.seqlen;
  args.filter_len = kernel.problem.filter_len;
  args.batch_stride = strides.batch;
  args.channel_stride = strides.channel;
  args.sample_stride = strides.sample;
  return args;
}

/// Emitted, compiled and loaded, with the spectrum of its filters made.
inline Result<BareKernel> prepare(Device& device, const Problem& problem, const KernelConfig& config,
                                  Tensors& tensors) {
  auto source = emit(problem, config, device.identity());
  if (!source) return source.error();
  const auto compiled = device.compile(*source);
  if (!compiled) return compiled.error();
  auto loaded = device.load(*source, *compiled);
  if (!loaded) return loaded.error();
  auto spectrum = device.allocate(static_cast<std::size_t>(source->spectrum_bytes));
  if (!spectrum) return spectrum.error();
  BareKernel kernel{problem, std::move(*source), std::move(*loaded), std::move(*spectrum), {}};
  if (auto made = kernel.loaded->launch(kernel.source.spectrum, args_of(kernel, tensors), nullptr); !made)
    return made.error();
  return kernel;
}

/// Launches of all kernels in turn for so many seconds, and at least so many of each.
inline Result<void> time_in_turn(Device& device, std::vector<BareKernel>& kernels, Tensors& tensors, double seconds,
                                 int least) {
  double spent = 0;
  for (int round = 0; spent < seconds || round < least; ++round) {
    for (BareKernel& kernel : kernels) {
      const auto sample = device.sample(*kernel.loaded, kernel.source.convolution, args_of(kernel, tensors), false);
      if (!sample) return sample.error();
      kernel.times.push_back(sample->seconds);
      spent += sample->seconds;
    }
  }
  return {};
}

inline double median(std::vector<double>& times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// Rows of `seqlen` samples, as many as make 32 Mi samples, half as many channels as examples or more.
inline Problem streaming_problem(std::int64_t seqlen) {
  Problem problem;
  problem.seqlen = problem.filter_len = seqlen;
  const std::int64_t rows = std::max<std::int64_t>(1, (32 << 20) / seqlen);
  problem.channels = 1;
  while (4 * problem.channels * problem.channels <= rows) problem.channels *= 2;
  problem.batch = rows / problem.channels;
  problem.io = DataType::f32;
  problem.precision = Precision::f32;
  return problem;
}

}  // namespace fftconv::targets
