// How far kernels are from what their arithmetic alone takes: additions, multiplications and multiply-adds of the
// kernel by its own count, done on registers in the same mixture without loads, stores or shuffles. The kernels that
// a search finds, causal in fp32 on one thread and streaming data; both timed in turn, medians.
#include <fmt/format.h>

#include <vector>

#include "by_length.h"
#include "mixture.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {256, 1024, 4096, 16384, 65536};
constexpr double kSearch = 10;
constexpr int kRounds = 9;

Result<AtLength> measure(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
  const Problem problem = streaming_problem(seqlen);
  const auto config = tuner.config(problem, kSearch);
  if (!config) return config.error();
  Tensors tensors(*device, problem);
  std::vector<BareKernel> kernels;
  auto kernel = prepare(*device, problem, *config, tensors);
  if (!kernel) return kernel.error();
  kernels.push_back(std::move(*kernel));
  const Mixture mixture(count(problem, *config, device->identity()), config->lanes);
  std::vector<double> bounds;
  for (int round = 0; round < kRounds; ++round) {
    bounds.push_back(mixture.time());
    if (const auto timed = time_in_turn(*device, kernels, tensors, 0, 1); !timed) return timed.error();
  }
  const double kernel_s = median(kernels[0].times), bound_s = median(bounds);
  const double ns = 1e9 / static_cast<double>(tensors.samples);
  return AtLength{kernel_s / bound_s, fmt::format("{:.2f} / {:.2f}", ns * kernel_s, ns * bound_s)};
}

}  // namespace

int main() {
  return report_worst("CPU: time over the floating-point bound", 1.6,
                      "nanoseconds a sample over those of the arithmetic;", kLengths, measure);
}
