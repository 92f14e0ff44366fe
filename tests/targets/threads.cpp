// What a second thread gives: many rows, each done by one thread, and one row that both do together. The plain
// default kernel in fp32, launches with one and with two threads in turn, medians.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fftconv/cpu_device.h"
#include "fftconv/search_space.h"
#include "target.h"

namespace {

using namespace fftconv;

constexpr std::int64_t kLengths[] = {4096, 65536, 1 << 20, 1 << 22};
constexpr double kSeconds = 4;  // for each case, both numbers of threads together
constexpr int kLeastSamples = 9;

std::shared_ptr<Device> open(int threads) {
  Result<std::shared_ptr<Device>> device = open_cpu_device({.threads = threads, .arch = {}, .executor = nullptr});
  if (!device) fmt::print(stderr, "{}\n", device.error().message);
  return device ? *device : nullptr;
}

/// One problem with its kernel on both devices.
class Case {
 public:
  Case(std::int64_t seqlen, std::int64_t batch) {
    problem_.seqlen = problem_.filter_len = seqlen;
    problem_.batch = batch;
    problem_.io = DataType::f32;
    problem_.precision = Precision::f32;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float>(static_cast<std::size_t>(seqlen * batch)).swap(u_);
    for (float& sample : u_) sample = normal(random);
    taps_.assign(u_.begin(), u_.begin() + seqlen);
    y_.resize(u_.size());
  }

  bool prepare(const std::shared_ptr<Device>& device) {
    const auto config = default_config(problem_, device->identity());
    if (!config) return false;
    const auto source = emit(problem_, *config, device->identity());
    if (!source) return false;
    const auto compiled = device->compile(*source);
    if (!compiled) return false;
    const auto kernel = device->load(*source, *compiled);
    auto spectrum = device->allocate(static_cast<std::size_t>(source->spectrum_bytes));
    if (!kernel || !spectrum) return false;
    spectrum_ = std::move(*spectrum);
    source_ = *source;
    kernels_.push_back({device, *kernel});
    return static_cast<bool>((*kernel)->launch(source_.spectrum, args(), nullptr));
  }

  /// Time with one thread over the time with two.
  double gain() {
    std::vector<std::vector<double>> times(kernels_.size());
    double spent = 0;
    for (int round = 0; spent < kSeconds || round < kLeastSamples; ++round) {
      for (std::size_t i = 0; i < kernels_.size(); ++i) {
        const auto& [device, kernel] = kernels_[i];
        if (!kernel->launch(source_.convolution, args(), nullptr)) return 0;  // its caches, and what the other left
        const auto sample = device->sample(*kernel, source_.convolution, args(), false);
        if (!sample) return 0;
        times[i].push_back(sample->seconds);
        spent += 2 * sample->seconds;
      }
    }
    return median(times[0]) / median(times[1]);
  }

 private:
  static double median(std::vector<double>& times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
  }

  KernelArgs args() {
    KernelArgs args;
    args.u = u_.data();
    args.y = y_.data();
    args.filter = taps_.data();
    args.spectrum = spectrum_->data();
    args.tables = source_.tables.data();
    args.batch = problem_.batch;
    args.channels = args.filters = 1;
    args.seqlen = args.filter_len = problem_.seqlen;
    return args;
  }

  Problem problem_;
  std::vector<float> u_, taps_, y_;
  KernelSource source_;
  std::unique_ptr<DeviceBuffer> spectrum_;
  std::vector<std::pair<std::shared_ptr<Device>, std::shared_ptr<const LoadedKernel>>> kernels_;
};

/// Gains of all lengths with so many samples in all, at least one row.
std::vector<double> gains(const std::shared_ptr<Device>& one, const std::shared_ptr<Device>& two,
                          std::int64_t samples) {
  std::vector<double> found;
  for (const std::int64_t length : kLengths) {
    Case measured(length, std::max<std::int64_t>(1, samples / length));
    if (!measured.prepare(one) || !measured.prepare(two)) return {};
    found.push_back(measured.gain());
  }
  return found;
}

}  // namespace

int main() {
  if (std::thread::hardware_concurrency() < 2) {
    fmt::print(stderr, "threads: this machine has one processor, there is nothing to measure\n");
    return 1;
  }
  const auto one = open(1), two = open(2);
  if (!one || !two) return 1;
  const std::vector<double> many = gains(one, two, 1 << 24), single = gains(one, two, 1);
  if (many.empty() || single.empty()) return 1;
  const auto note = [](const char* rows, const std::vector<double>& g) {
    return fmt::format("two threads over one, {}, at 4K, 64K, 1M, 4M samples: {:.2f} {:.2f} {:.2f} {:.2f}", rows,
                       g[0], g[1], g[2], g[3]);
  };
  const double least = *std::min_element(many.begin(), many.end());
  bool met = targets::report("threads_many_rows", least, targets::Goal::at_least, 1.8, "x",
                             note("rows of 16M samples in all", many) + "; the least counts");
  met &= targets::report("threads_one_row", single[2], targets::Goal::at_least, 1.6, "x",
                         note("one row", single) + "; 1M counts");
  return met ? 0 : 1;
}
