// What bounds long rows: the kernel's time beside that of its arithmetic alone and that of its loads and stores alone
// (a hollow transform over the same memory). The kernels that a search finds, causal in fp32 on one thread and
// streaming data; all three timed in turn, medians. A kernel that kept arithmetic and memory busy at once would take
// the longer of the two.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "by_length.h"
#include "hollow.h"
#include "mixture.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {1024, 4096, 16384, 65536, 262144, 1048576, 4194304};
constexpr double kSearch = 10;
constexpr int kRounds = 9;

/// Seconds of a hollow transform of all rows, in the order of the kernel's items.
double hollow_time(const HollowPlan& plan, const BareKernel& kernel, Tensors& tensors, float* z,
                   const float* tables) {
  const Problem& problem = kernel.problem;
  const auto* const u = static_cast<const float*>(tensors.u->data());
  auto* const y = static_cast<float*>(tensors.y->data());
  const auto* const spectrum = static_cast<const float*>(kernel.spectrum->data());
  const std::int64_t rows = problem.batch * problem.channels;
  const auto place = [&](std::int64_t item) {  // examples of one channel are neighbours
    const std::int64_t channel = item / problem.batch, example = item % problem.batch;
    return (example * problem.channels + channel) * problem.seqlen;
  };
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t item = 0; item < rows; ++item) {
    const HollowRow row{.u = u + place(item),
                        .next = u + place(std::min(item + 1, rows - 1)),
                        .y = y + place(item),
                        .spectrum = spectrum + item / problem.batch * 2 * plan.tree.length};
    hollow_row(plan, row, z, tables);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Result<AtLength> measure(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
  const Problem problem = streaming_problem(seqlen);
  const auto config = tuner.config(problem, kSearch);
  if (!config) return config.error();
  if (config->paired || config->rows > 1 || config->strategy != Strategy::fused) {
    return Error{
        ErrorCode::unsupported,
        fmt::format("the hollow transform takes one row at a time, and the search found {}", to_string(*config))};
  }
  Tensors tensors(*device, problem);
  std::vector<BareKernel> kernels;
  auto kernel = prepare(*device, problem, *config, tensors);
  if (!kernel) return kernel.error();
  kernels.push_back(std::move(*kernel));
  const Mixture mixture(count(problem, *config, device->identity()), config->lanes);
  const HollowPlan plan(problem, *config);
  const auto scratch = device->allocate(static_cast<std::size_t>(2 * plan.tree.length + 64 * plan.tree.lanes) * 4);
  if (!scratch) return scratch.error();
  const auto tables = device->allocate(kernels[0].source.tables.size());
  if (!tables) return tables.error();
  std::memcpy((*tables)->data(), kernels[0].source.tables.data(), kernels[0].source.tables.size());
  std::vector<double> arithmetic, memory;
  for (int round = 0; round < kRounds; ++round) {
    arithmetic.push_back(mixture.time());
    memory.push_back(hollow_time(plan, kernels[0], tensors, static_cast<float*>((*scratch)->data()),
                                 static_cast<const float*>((*tables)->data())));
    if (const auto timed = time_in_turn(*device, kernels, tensors, 0, 1); !timed) return timed.error();
  }
  const double kernel_s = median(kernels[0].times), arithmetic_s = median(arithmetic), memory_s = median(memory);
  const double ns = 1e9 / static_cast<double>(tensors.samples);
  return AtLength{kernel_s / std::max(arithmetic_s, memory_s),
                  fmt::format("{:.2f} / {:.2f} / {:.2f}", ns * kernel_s, ns * arithmetic_s, ns * memory_s)};
}

}  // namespace

int main() {
  return report_worst("CPU: time over the longer of arithmetic and memory", 1.6,
                      "nanoseconds a sample, over those of arithmetic alone and of loads and stores alone;", kLengths,
                      measure);
}
