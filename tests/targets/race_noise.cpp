// How far races' times of eight candidates are from what minutes of samples say of them, as sampled and without the
// levels of rounds (statistics.h). On the CPU device, with whatever else this machine does meanwhile.
//
//   target_race_noise [SECONDS of each problem]
#include <algorithm>
#include <cmath>
#include <string>

#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/statistics.h"
#include "regret_problems.h"
#include "target.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::size_t kCandidates = 8;
constexpr int kRounds[] = {7, 28, 112};
constexpr int kJudged = 28;  // rounds whose errors the target is about

using Samples = std::vector<std::vector<double>>;  // by candidate, a sample each round

Samples sampled(Context& context, const Problem& problem, double seconds) {
  MeasurePolicy policy;
  policy.cold = false;
  const auto runner = make_runner(context, problem, policy).value();
  std::vector<KernelConfig> configs;
  for (const Ranked& ranked : rank(problem, context.device().facts())) {
    if (configs.size() == kCandidates) break;
    const Result<Measurement> prepared = runner->prepare(ranked.config);
    if (prepared && prepared->status == TrialStatus::measured) configs.push_back(ranked.config);
  }
  Samples samples(configs.size());
  const Clock clock = monotonic_clock();
  for (const double begin = clock(); clock() - begin < seconds;) {
    for (std::size_t i = 0; i < configs.size(); ++i) {
      samples[i].push_back(runner->sample(configs[i]).value().seconds);
    }
  }
  return samples;
}

Samples rounds_of(const Samples& samples, std::size_t first, std::size_t count) {
  Samples some;
  for (const std::vector<double>& of_one : samples) {
    const auto begin = of_one.begin() + static_cast<std::ptrdiff_t>(first);
    some.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  return some;
}

Samples without_levels(Samples samples) {
  level_rounds(samples);
  return samples;
}

/// Logarithms of the candidates' medians beside one another: their mean is 0.
std::vector<double> beside(const Samples& samples) {
  std::vector<double> logs;
  double mean = 0;
  for (const std::vector<double>& of_one : samples) {
    logs.push_back(std::log(median(of_one)));
    mean += logs.back() / static_cast<double>(samples.size());
  }
  for (double& log : logs) log -= mean;
  return logs;
}

/// Of races of `rounds` rounds: the median of what candidates are off by, since spells in which streaming stores take
/// twice as long last for seconds and are no error of a race. What the samples of all races say is as sampled.
double error_of(const Samples& samples, std::size_t rounds, bool levelled) {
  const std::vector<double> truth = beside(samples);
  std::vector<double> errors;
  for (std::size_t first = 0; first + rounds <= samples.front().size(); first += rounds) {
    const Samples race = rounds_of(samples, first, rounds);
    const std::vector<double> found = beside(levelled ? without_levels(race) : race);
    for (std::size_t i = 0; i < found.size(); ++i) errors.push_back(std::fabs(found[i] - truth[i]));
  }
  return median(errors);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::stod(argv[1]) : 20;
  auto device = open_cpu_device();
  if (!device) {
    fmt::print(stderr, "race_noise: {}\n", device.error().message);
    return 2;
  }
  const auto context = Context::create(*device, {.use_disk = false}).value();
  const Problem problems[] = {regret_problem(Mode::causal, 1000, DataType::f32, 8),
                              regret_problem(Mode::bidirectional, 4095, DataType::f32, 8),
                              regret_problem(Mode::causal, 8192, DataType::f16, 8)};
  std::vector<double> ratios;
  std::string note = "median errors in percent, as sampled and without levels, in races of 7, 28 and 112 rounds";
  for (const Problem& problem : problems) {
    const Samples samples = sampled(*context, problem, seconds);
    note += fmt::format("; L {}:", problem.seqlen);
    for (const int rounds : kRounds) {
      const double plain = error_of(samples, static_cast<std::size_t>(rounds), false);
      const double levelled = error_of(samples, static_cast<std::size_t>(rounds), true);
      note += fmt::format(" {:.2f} and {:.2f}", 100 * plain, 100 * levelled);
      if (rounds == kJudged) ratios.push_back(levelled / plain);
    }
  }
  return report("races: error without the levels of rounds over that of plain medians",
                *std::max_element(ratios.begin(), ratios.end()), Goal::at_most, 1, "1", note)
             ? 0
             : 1;
}
