// What else a convolution can do beside what it costs plain: gates, shared filters, modes, gradients, carries, sparse
// and short filters, 16-bit samples. Each on the same 32 Mi samples, one thread, by plans that a search finds; in
// turn, medians.
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "by_length.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::int64_t kLengths[] = {4096, 65536};
constexpr double kSearch = 6;
constexpr int kRounds = 7;

using Variant = std::pair<std::string, Problem>;

std::vector<Variant> variants_of(std::int64_t seqlen) {
  const Problem plain = streaming_problem(seqlen);
  std::vector<Variant> list{{"plain", plain}};
  const auto add = [&](const char* name, auto change) {
    Problem problem = plain;
    change(problem);
    list.emplace_back(name, problem);
  };
  add("gates and skip", [](Problem& p) { p.pregate = p.postgate = p.skip = true; });
  add("groups of 4", [](Problem& p) { p.sharing = FilterSharing::per_group, p.groups = p.channels / 4; });
  add("anticausal", [](Problem& p) { p.mode = Mode::anticausal; });
  add("bidirectional", [](Problem& p) { p.mode = Mode::bidirectional, p.filter_len = 2 * p.seqlen - 1; });
  add("circular", [](Problem& p) { p.mode = Mode::circular; });
  add("gradient of the input", [](Problem& p) { p.direction = Direction::backward_input; });
  add("gradient of the filter", [](Problem& p) { p.direction = Direction::backward_filter; });
  add("a block with carry", [](Problem& p) { p.carry = true; });
  add("frequency-sparse", [](Problem& p) { p.kept[0] = 1; });
  add("64 taps", [](Problem& p) { p.filter_len = 64; });
  add("fp16 samples", [](Problem& p) { p.io = DataType::f16; });
  add("bf16 samples", [](Problem& p) { p.io = DataType::bf16; });
  return list;
}

/// A plan with tensors of its own.
class Run {
 public:
  static Result<Run> make(Device& device, Tuner& tuner, const Problem& problem) {
    auto plan = tuner.plan(problem, kSearch);
    if (!plan) return plan.error();
    Run run(std::move(*plan));
    const std::int64_t rows = problem.batch * problem.channels, samples = rows * problem.seqlen;
    const auto tensor = [&](std::int64_t count, std::size_t size) -> void* {
      auto made = device.allocate(static_cast<std::size_t>(count) * size).value();
      std::memset(made->data(), 0, static_cast<std::size_t>(count) * size);
      run.tensors_.push_back(std::move(made));
      return run.tensors_.back()->data();
    };
    const std::size_t io = size_of(problem.io);
    const bool gradient = problem.direction == Direction::backward_filter;
    run.buffers_.u = tensor(samples, io);
    if (gradient) {
      run.buffers_.dy = tensor(samples, io);
      run.buffers_.dk = tensor(1, filter_bytes(problem));
    } else {
      run.buffers_.y = tensor(samples, io);
      auto spectrum = run.plan_.make_spectrum(tensor(1, filter_bytes(problem)));
      if (!spectrum) return spectrum.error();
      run.spectrum_ = std::make_unique<FilterSpectrum>(std::move(*spectrum));
      run.buffers_.spectrum = run.spectrum_.get();
    }
    if (problem.pregate) run.buffers_.pregate = tensor(samples, io);
    if (problem.postgate) run.buffers_.postgate = tensor(samples, io);
    if (problem.skip) run.buffers_.skip = tensor(problem.channels, sizeof(float));
    if (problem.carry) {
      void* const state = tensor(rows * carry_len(problem), sizeof(float));
      run.buffers_.carry_in = state;
      run.buffers_.carry_out = state;
    }
    return run;
  }

  Result<void> time() {
    const auto begin = std::chrono::steady_clock::now();
    if (auto done = plan_.execute(buffers_); !done) return done;
    times_.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return {};
  }
  double median_s() { return median(times_); }

 private:
  explicit Run(Plan plan) : plan_(std::move(plan)) {}
  Plan plan_;
  std::vector<std::unique_ptr<DeviceBuffer>> tensors_;
  std::unique_ptr<FilterSpectrum> spectrum_;
  ConvolutionBuffers buffers_;
  std::vector<double> times_;
};

/// Times of all variants over the first one's.
Result<AtLength> measure(const std::shared_ptr<Device>& device, Tuner& tuner, std::int64_t seqlen) {
  std::vector<Run> runs;
  const std::vector<Variant> variants = variants_of(seqlen);
  for (const auto& [name, problem] : variants) {
    auto run = Run::make(*device, tuner, problem);
    if (!run) return Error{run.error().code, fmt::format("{}: {}", name, run.error().message)};
    runs.push_back(std::move(*run));
  }
  for (int round = 0; round <= kRounds; ++round) {
    for (Run& run : runs) {
      if (auto timed = run.time(); !timed) return timed.error();
    }
  }
  const double plain = runs[0].median_s();
  const auto samples = static_cast<double>(variants[0].second.batch * variants[0].second.channels * seqlen);
  AtLength at{.text = fmt::format("{:.2f} ns a sample", 1e9 * plain / samples)};
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const double ratio = runs[i].median_s() / plain;
    at.ratio = std::max(at.ratio, ratio);
    at.text += fmt::format(", {} {:.2f}", variants[i].first, ratio);
  }
  return at;
}

}  // namespace

int main() {
  return report_worst("CPU: every capability over a plain convolution", 2,
                      "time over that of a plain causal one in fp32;", kLengths, measure);
}
