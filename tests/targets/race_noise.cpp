// How far races' times of eight candidates are from what a minute of samples says of them: single races as sampled
// and without the levels of rounds (statistics.h), and finals (quiet_race.h) of six races and as searches hold them.
// On the CPU device, with whatever else this machine does meanwhile.
//
//   target_race_noise [SECONDS of each problem]
#include <algorithm>
#include <cmath>
#include <string>

#include "fftconv/search.h"
#include "fftconv/search_space.h"
#include "fftconv/statistics.h"
#include "regret_problems.h"
#include "search/quiet_race.h"
#include "target.h"

namespace {

using namespace fftconv;
using namespace fftconv::targets;

constexpr std::size_t kCandidates = 8;
constexpr int kRounds[] = {7, 28, 112};
constexpr int kJudged = 28;  // rounds whose errors the target is about
constexpr double kRaceSeconds = 0.1;
constexpr double kApart = 0.5;    // seconds from the start of one final to that of the next
constexpr double kLongest = 6.5;  // seconds of a final

using Samples = std::vector<std::vector<double>>;  // by candidate, a sample each round

struct Recording {
  std::vector<KernelConfig> configs;
  Samples samples;
  std::vector<double> times;  ///< at the end of each round, from the first
};

Recording record(Context& context, const Problem& problem, double seconds) {
  MeasurePolicy policy;
  policy.cold = false;
  const auto runner = make_runner(context, problem, policy).value();
  Recording of;
  for (const Ranked& ranked : rank(problem, context.device().facts())) {
    if (of.configs.size() == kCandidates) break;
    const Result<Measurement> prepared = runner->prepare(ranked.config);
    if (prepared && prepared->status == TrialStatus::measured) of.configs.push_back(ranked.config);
  }
  of.samples.resize(of.configs.size());
  const Clock clock = monotonic_clock();
  for (const double begin = clock(); clock() - begin < seconds;) {
    for (std::size_t i = 0; i < of.configs.size(); ++i) {
      of.samples[i].push_back(runner->sample(of.configs[i]).value().seconds);
    }
    of.times.push_back(clock() - begin);
  }
  return of;
}

/// Plays a recording from a round on: each candidate's samples, one after another, at the time they were taken.
class Playback : public Runner {
 public:
  Playback(const Recording& recording, std::size_t first)
      : recording_(recording), next_(recording.configs.size(), first), last_(first) {}
  void compile(const KernelConfig&) override {}
  Result<Measurement> prepare(const KernelConfig&) override { return Measurement(); }
  Result<Sample> sample(const KernelConfig& config) override {
    const auto found = std::find(recording_.configs.begin(), recording_.configs.end(), config);
    const auto i = static_cast<std::size_t>(found - recording_.configs.begin());
    last_ = next_[i]++;
    if (last_ >= recording_.times.size()) return Error{ErrorCode::busy, "the recording is over"};
    return Sample{.seconds = recording_.samples[i][last_]};
  }
  void release(const KernelConfig&) override {}
  double now() const { return recording_.times[std::min(last_, recording_.times.size() - 1)]; }

 private:
  const Recording& recording_;
  std::vector<std::size_t> next_;  ///< round, by candidate
  std::size_t last_;
};

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

/// Of finals that begin all over the recording, by what the quietest third of it says.
struct FinalErrors {
  double typical = 0;  ///< median of what candidates are off by
  double regret = 0;   ///< how much slower than the best the fastest of a final is, in the mean
  double worst = 0;    ///< of these
};

FinalErrors errors_of_finals(const Recording& recording, FinalRules rules) {
  const double round = recording.times.back() / static_cast<double>(recording.times.size());
  rules.rounds = std::max(7, static_cast<int>(kRaceSeconds / round));
  std::vector<Racer> racers;
  for (const KernelConfig& config : recording.configs) racers.push_back({config, Measurement()});
  const auto found = [&](std::size_t first, const FinalRules& of) {
    Playback playback(recording, first);
    MeasurePolicy policy;
    policy.cold = false;
    const RaceRules race{.runner = playback,
                         .policy = policy,
                         .clock = [&] { return playback.now(); },
                         .deadline = recording.times.back() - kRaceSeconds};
    Samples samples;
    for (const Racer& racer : race_finals(race, of, racers).racers) samples.push_back(racer.measurement.samples);
    return beside(samples);
  };
  FinalRules whole = rules;
  whole.most = 1 << 20, whole.seconds = recording.times.back();
  whole.busy = [](const std::vector<Racer>&) { return true; };  // else it would end where the first races agree
  const std::vector<double> truth = found(0, whole);
  const double best = *std::min_element(truth.begin(), truth.end());
  FinalErrors errors;
  std::vector<double> off;
  int finals = 0;
  for (double begin = 0; begin + kLongest < recording.times.back(); begin += kApart, ++finals) {
    const std::vector<double> logs = found(static_cast<std::size_t>(begin / round), rules);
    for (std::size_t i = 0; i < logs.size(); ++i) off.push_back(std::fabs(logs[i] - truth[i]));
    const auto first = std::min_element(logs.begin(), logs.end()) - logs.begin();
    const double regret = std::expm1(truth[static_cast<std::size_t>(first)] - best);
    errors.regret += regret;
    errors.worst = std::max(errors.worst, regret);
  }
  errors.regret /= finals;
  errors.typical = median(off);
  return errors;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::stod(argv[1]) : 60;
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
  std::string note_of_finals =
      "of six races and of finals: median error and mean regret (worst) of the fastest in percent";
  double regret_of_six = 0, regret_now = 0;
  for (const Problem& problem : problems) {
    const Recording recording = record(*context, problem, seconds);
    const Samples& samples = recording.samples;
    note += fmt::format("; L {}:", problem.seqlen);
    for (const int rounds : kRounds) {
      const double plain = error_of(samples, static_cast<std::size_t>(rounds), false);
      const double levelled = error_of(samples, static_cast<std::size_t>(rounds), true);
      note += fmt::format(" {:.2f} and {:.2f}", 100 * plain, 100 * levelled);
      if (rounds == kJudged) ratios.push_back(levelled / plain);
    }
    const FinalErrors six = errors_of_finals(recording, {.most = 6});
    const FinalErrors now = errors_of_finals(recording, {});
    regret_of_six += six.regret;
    regret_now += now.regret;
    note_of_finals +=
        fmt::format("; L {}: {:.2f}, {:.2f} ({:.1f}) and {:.2f}, {:.2f} ({:.1f})", problem.seqlen, 100 * six.typical,
                    100 * six.regret, 100 * six.worst, 100 * now.typical, 100 * now.regret, 100 * now.worst);
  }
  bool met = report("races: error without the levels of rounds over that of plain medians",
                    *std::max_element(ratios.begin(), ratios.end()), Goal::at_most, 1, "1", note);
  met &= report("finals: regret over that of six races", regret_of_six > 0 ? regret_now / regret_of_six : 1,
                Goal::at_most, 1, "1", note_of_finals);
  return met ? 0 : 1;
}
