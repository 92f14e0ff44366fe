// What it costs that channels come last: the time of the same rows over that of dense ones. The plain default kernel
// in fp32, with and without streaming stores on both sides, of which the faster counts; launches in turn, medians.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bare_kernel.h"
#include "target.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {1024, 4096, 65536};
constexpr std::int64_t kChannels[] = {64, 768};
constexpr std::int64_t kSamples = 16 << 20;
constexpr double kSeconds = 3;  // for each case, all kernels together
constexpr int kLeastSamples = 5;

/// Time with channels last over the time of dense rows.
Result<double> ratio(Device& device, std::int64_t seqlen, std::int64_t channels) {
  Problem problem;
  problem.seqlen = problem.filter_len = seqlen;
  problem.channels = channels;
  problem.batch = std::max<std::int64_t>(1, kSamples / seqlen / channels);
  const auto samples = static_cast<double>(problem.batch * channels * seqlen);
  Tensors tensors(device, problem);
  std::vector<BareKernel> kernels;
  for (Layout layout : {Layout::bhl, Layout::blh}) {
    for (bool streaming : {false, true}) {
      problem.layout = layout;
      auto config = default_config(problem, device.identity());
      if (!config) return config.error();
      config->streaming = streaming;
      auto kernel = prepare(device, problem, *config, tensors);
      if (!kernel && streaming && kernel.error().code == ErrorCode::unsupported) continue;  // vectors are too short
      if (!kernel) return kernel.error();
      kernels.push_back(std::move(*kernel));
    }
  }
  if (const auto timed = time_in_turn(device, kernels, tensors, kSeconds, kLeastSamples); !timed)
    return timed.error();
  double dense = HUGE_VAL, last = HUGE_VAL;
  for (BareKernel& kernel : kernels) {
    double& best = kernel.problem.layout == Layout::bhl ? dense : last;
    best = std::min(best, median(kernel.times));
  }
  fmt::print(stderr, "L {} H {} B {}: dense {:.2f}, channels last {:.2f} ns a sample\n", seqlen, channels,
             problem.batch, 1e9 * dense / samples, 1e9 * last / samples);
  return last / dense;
}

}  // namespace

int main() {
  const std::shared_ptr<Device> device = one_thread();
  bool met = true;
  for (std::int64_t seqlen : kLengths) {
    double worst = 0;
    std::string note = "time over that of dense rows, fp32, one thread;";
    for (std::int64_t channels : kChannels) {
      const auto found = ratio(*device, seqlen, channels);
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
