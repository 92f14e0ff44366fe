// What both gates cost: the time of y = v * conv(u * w, k) over that of y = conv(u, k). The kernels that a search
// finds for each, in fp32 on one thread; launches in turn, medians.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bare_kernel.h"
#include "target.h"
#include "tuned.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {256, 1024, 4096, 16384, 65536, 1 << 20};
constexpr double kSearch = 10, kSeconds = 8;  // for each length
constexpr int kLeastSamples = 9;

struct Times {
  double plain = 0, gated = 0;  ///< seconds a sample
};

Result<Times> times_of(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
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
  const auto samples = static_cast<double>(tensors.samples);
  return Times{median(kernels[0].times) / samples, median(kernels[1].times) / samples};
}

}  // namespace

int main() {
  const std::shared_ptr<Device> device = one_thread();
  Tuner tuner(device);
  double worst = 0;
  // Each sample brings 8 bytes more.
  std::string note = fmt::format("nanoseconds a sample; 8 bytes more are {:.2f} at the rate of a copy;",
                                 8e9 / device->facts().memory_bytes_per_s);
  for (std::int64_t seqlen : kLengths) {
    const auto times = times_of(device, tuner, seqlen);
    if (!times) {
      fmt::print(stderr, "{}\n", times.error().message);
      return 1;
    }
    worst = std::max(worst, times->gated / times->plain);
    note += fmt::format(" {}: {:.2f} to {:.2f}", seqlen, 1e9 * times->plain, 1e9 * times->gated);
  }
  return report("CPU: both gates over none", worst, Goal::at_most, 1.15, "1", note) ? 0 : 1;
}
