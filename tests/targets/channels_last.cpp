// What it costs that channels come last: the time of the same rows over that of dense ones. The plain default kernel
// in fp32, with and without streaming stores on both sides, of which the faster counts; launches in turn, medians.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fftconv/cpu_device.h"
#include "fftconv/search_space.h"
#include "target.h"

namespace {

using namespace fftconv;

constexpr std::int64_t kLengths[] = {1024, 4096, 65536};
constexpr std::int64_t kChannels[] = {64, 768};
constexpr std::int64_t kSamples = 16 << 20;
constexpr double kSeconds = 3;  // for each case, all kernels together
constexpr int kLeastSamples = 5;

struct Kernel {
  Problem problem;
  KernelSource source;
  std::shared_ptr<const LoadedKernel> loaded;
  std::unique_ptr<DeviceBuffer> spectrum;
  std::vector<double> times;
};

struct Tensors {
  std::vector<float> u, taps, y;
};

KernelArgs args_of(const Kernel& kernel, Tensors& tensors) {
  const RowStrides strides = row_strides(kernel.problem);
  KernelArgs args;
  args.u = tensors.u.data();
  args.y = tensors.y.data();
  args.filter = tensors.taps.data();
  args.spectrum = kernel.spectrum->data();
  args.tables = kernel.source.tables.data();
  args.batch = kernel.problem.batch;
  args.channels = args.filters = kernel.problem.channels;
  args.seqlen = args.filter_len = kernel.problem.seqlen;
  args.batch_stride = strides.batch;
  args.channel_stride = strides.channel;
  args.sample_stride = strides.sample;
  return args;
}

Result<Kernel> prepare(Device& device, const Problem& problem, bool streaming, Tensors& tensors) {
  auto config = default_config(problem, device.identity());
  if (!config) return config.error();
  config->streaming = streaming;
  auto source = emit(problem, *config, device.identity());
  if (!source) return source.error();
  const auto compiled = device.compile(*source);
  if (!compiled) return compiled.error();
  auto loaded = device.load(*source, *compiled);
  if (!loaded) return loaded.error();
  auto spectrum = device.allocate(static_cast<std::size_t>(source->spectrum_bytes));
  if (!spectrum) return spectrum.error();
  Kernel kernel{problem, std::move(*source), std::move(*loaded), std::move(*spectrum), {}};
  if (auto made = kernel.loaded->launch(kernel.source.spectrum, args_of(kernel, tensors), nullptr); !made)
    return made.error();
  return kernel;
}

double median(std::vector<double>& times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// Time with channels last over the time of dense rows.
Result<double> ratio(Device& device, std::int64_t seqlen, std::int64_t channels) {
  Problem problem;
  problem.seqlen = problem.filter_len = seqlen;
  problem.channels = channels;
  problem.batch = std::max<std::int64_t>(1, kSamples / seqlen / channels);
  Tensors tensors;
  const auto samples = static_cast<std::size_t>(problem.batch * channels * seqlen);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  tensors.taps.resize(static_cast<std::size_t>(channels * seqlen));
  for (float& tap : tensors.taps) tap = normal(random);
  for (std::size_t i = 0; i < samples; ++i) tensors.u.push_back(tensors.taps[i % tensors.taps.size()]);
  tensors.y.resize(samples);
  std::vector<Kernel> kernels;
  for (Layout layout : {Layout::bhl, Layout::blh}) {
    for (bool streaming : {false, true}) {
      problem.layout = layout;
      auto kernel = prepare(device, problem, streaming, tensors);
      if (!kernel && streaming && kernel.error().code == ErrorCode::unsupported) continue;  // vectors are too short
      if (!kernel) return kernel.error();
      kernels.push_back(std::move(*kernel));
    }
  }
  double spent = 0;
  for (int round = 0; spent < kSeconds || round < kLeastSamples; ++round) {
    for (Kernel& kernel : kernels) {
      const auto sample = device.sample(*kernel.loaded, kernel.source.convolution, args_of(kernel, tensors), false);
      if (!sample) return sample.error();
      kernel.times.push_back(sample->seconds);
      spent += sample->seconds;
    }
  }
  double dense = HUGE_VAL, last = HUGE_VAL;
  for (Kernel& kernel : kernels) {
    double& best = kernel.problem.layout == Layout::bhl ? dense : last;
    best = std::min(best, median(kernel.times));
  }
  fmt::print(stderr, "L {} H {} B {}: dense {:.2f}, channels last {:.2f} ns a sample\n", seqlen, channels,
             problem.batch, 1e9 * dense / static_cast<double>(samples), 1e9 * last / static_cast<double>(samples));
  return last / dense;
}

}  // namespace

int main() {
  const auto device = open_cpu_device({.threads = 1, .arch = {}, .executor = nullptr});
  if (!device) {
    fmt::print(stderr, "{}\n", device.error().message);
    return 1;
  }
  bool met = true;
  for (std::int64_t seqlen : kLengths) {
    double worst = 0;
    std::string note = "time over that of dense rows, fp32, one thread;";
    for (std::int64_t channels : kChannels) {
      const auto found = ratio(**device, seqlen, channels);
      if (!found) {
        fmt::print(stderr, "{}\n", found.error().message);
        return 1;
      }
      worst = std::max(worst, *found);
      note += fmt::format(" {} channels: {:.2f}", channels, *found);
    }
    met &= targets::report(fmt::format("channels_last_{}", seqlen).c_str(), worst, targets::Goal::at_most, 1.3, "x",
                           note);
  }
  return met ? 0 : 1;
}
