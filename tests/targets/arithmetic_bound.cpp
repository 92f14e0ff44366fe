// How far kernels are from what their arithmetic alone takes: additions, multiplications and multiply-adds of the
// kernel by its own count, done on registers in the same mixture without loads, stores or shuffles. The kernels that
// a search finds, causal in fp32 on one thread and streaming data; both timed in turn, medians.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bare_kernel.h"
#include "mixture.h"
#include "target.h"
#include "tuned.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {256, 1024, 4096, 16384, 65536};
constexpr double kSearch = 10;
constexpr int kRounds = 9;

struct Times {
  double kernel = 0, bound = 0;  ///< seconds a sample
};

Result<Times> times_of(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
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
  const auto samples = static_cast<double>(tensors.samples);
  return Times{median(kernels[0].times) / samples, median(bounds) / samples};
}

}  // namespace

int main() {
  const std::shared_ptr<Device> device = one_thread();
  Tuner tuner(device);
  double worst = 0;
  std::string note = "nanoseconds a sample over those of the arithmetic;";
  for (std::int64_t seqlen : kLengths) {
    const auto times = times_of(device, tuner, seqlen);
    if (!times) {
      fmt::print(stderr, "{}\n", times.error().message);
      return 1;
    }
    worst = std::max(worst, times->kernel / times->bound);
    note += fmt::format(" {}: {:.2f} / {:.2f}", seqlen, 1e9 * times->kernel, 1e9 * times->bound);
  }
  return report("CPU: time over the floating-point bound", worst, Goal::at_most, 1.6, "1", note) ? 0 : 1;
}
