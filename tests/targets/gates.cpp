// What both gates cost: the time of y = v * conv(u * w, k) over that of y = conv(u, k). The kernels that a search
// finds for each, in fp32 on one thread; launches in turn, medians.
#include <fmt/format.h>

#include <vector>

#include "by_length.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {256, 1024, 4096, 16384, 65536, 1 << 20};
constexpr double kSearch = 10, kSeconds = 8;  // for each length
constexpr int kLeastSamples = 9;

Result<AtLength> measure(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
  const Problem plain = streaming_problem(seqlen);
  Problem gated = plain;
  gated.pregate = gated.postgate = true;
  Tensors tensors(*device, gated);
  std::vector<BareKernel> kernels;
  for (const Problem& problem : {plain, gated}) {
    const auto config = tuner.config(problem, kSearch);
    if (!config) return config.error();
    auto kernel = prepare(*device, problem, *config, tensors);
    if (!kernel) return kernel.error();
    kernels.push_back(std::move(*kernel));
  }
  if (const auto timed = time_in_turn(*device, kernels, tensors, kSeconds, kLeastSamples); !timed)
    return timed.error();
  const double plain_s = median(kernels[0].times), gated_s = median(kernels[1].times);
  const double ns = 1e9 / static_cast<double>(tensors.samples);
  return AtLength{gated_s / plain_s,
                  fmt::format("{:.2f} to {:.2f}, 8 bytes more at the rate of a copy {:.2f}", ns * plain_s,
                              ns * gated_s, 8e9 / device->facts().memory_bytes_per_s)};
}

}  // namespace

int main() { return report_worst("CPU: both gates over none", 1.15, "nanoseconds a sample;", kLengths, measure); }
