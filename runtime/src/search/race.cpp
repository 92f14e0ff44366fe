#include "search/race.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "fftconv/statistics.h"
#include "trial_status.h"

namespace fftconv {
namespace {

// A device that stays throttled must not hold a race for ever.
constexpr int kThrottledInARow = 8;

bool running(const Racer& racer) { return racer.measurement.status == TrialStatus::measured && !racer.untried; }

void take_sample(Runner& runner, Racer& racer, std::vector<double>& clocks) {
  for (int attempt = 0; attempt < kThrottledInARow; ++attempt) {
    const Result<Sample> sample = runner.sample(racer.config);
    if (!sample && of_the_machine(sample.error().code)) {
      racer.untried = sample.error();
      return;
    }
    if (!sample) {
      racer.measurement.status = status_of(sample.error().code);
      racer.measurement.reason = sample.error().message;
      return;
    }
    if (!sample->throttled) {
      racer.measurement.samples.push_back(sample->seconds);
      if (sample->clock_hz > 0) clocks.push_back(sample->clock_hz);
      return;
    }
    ++racer.measurement.throttled;
  }
}

double best_median(const std::vector<Racer>& racers) {
  double best = std::numeric_limits<double>::infinity();
  for (const Racer& racer : racers) {
    if (running(racer) && !racer.measurement.samples.empty())
      best = std::min(best, median(racer.measurement.samples));
  }
  return best;
}

// Noise only ever adds time. Where other work keeps taking the processor away, the median of three samples is any
// number, and a race by medians would drop the fastest; a candidate whose fastest sample is too slow is slow.
void drop_losers(std::vector<Racer>& racers, const MeasurePolicy& policy, int rounds) {
  const double best = best_median(racers);
  for (Racer& racer : racers) {
    const std::vector<double>& samples = racer.measurement.samples;
    if (!running(racer) || samples.empty()) continue;
    const double ratio = *std::min_element(samples.begin(), samples.end()) / best;
    if (ratio <= policy.drop_ratio) continue;
    racer.measurement.status = TrialStatus::dropped;
    racer.measurement.reason =
        fmt::format("Its fastest sample of {} rounds was {:.2f} times the median of the best.", rounds, ratio);
  }
}

bool settled(const std::vector<Racer>& racers, const MeasurePolicy& policy) {
  return std::all_of(racers.begin(), racers.end(), [&](const Racer& racer) {
    const std::vector<double>& samples = racer.measurement.samples;
    return !running(racer) || (static_cast<int>(samples.size()) >= policy.min_samples &&
                               relative_deviation(samples) <= policy.relative_deviation);
  });
}

void finish(Racer& racer, const std::vector<double>& clocks) {
  if (running(racer) && racer.measurement.samples.empty()) {
    racer.unsampled = true;
    racer.measurement.status = TrialStatus::timed_out;
    racer.measurement.reason =
        racer.measurement.throttled
            ? fmt::format("All {} samples were throttled: let the device cool down.", racer.measurement.throttled)
            : "No time was left for a sample: raise the budget.";
  }
  racer.measurement.clock_hz = median(clocks);
}

}  // namespace

void level_rounds(std::vector<Racer>& racers) {
  std::vector<std::vector<double>> samples;
  for (Racer& racer : racers) samples.push_back(std::move(racer.measurement.samples));
  level_rounds(samples);
  for (std::size_t i = 0; i < racers.size(); ++i) {
    racers[i].measurement.samples = std::move(samples[i]);
    summarise(racers[i].measurement);
  }
}

void race(Runner& runner, std::vector<Racer>& racers, const MeasurePolicy& policy, const Clock& clock,
          double deadline, const std::function<bool()>& cancelled) {
  std::vector<std::vector<double>> clocks(racers.size());
  const auto over = [&] { return clock() >= deadline || (cancelled && cancelled()); };
  bool stopped = false;
  bool any = false;  // the first sample is taken whatever the clock says: a race without any tells nothing
  for (int round = 1; round <= policy.max_samples && !stopped; ++round) {
    for (std::size_t i = 0; i < racers.size() && !stopped; ++i) {
      if (!running(racers[i])) continue;
      stopped = any && over();
      if (!stopped) take_sample(runner, racers[i], clocks[i]);
      any = true;
    }
    if (round >= policy.drop_after && !stopped) drop_losers(racers, policy, round);
    if (round >= policy.min_samples && settled(racers, policy)) break;
    if (std::none_of(racers.begin(), racers.end(), running)) break;
  }
  for (std::size_t i = 0; i < racers.size(); ++i) finish(racers[i], clocks[i]);
  level_rounds(racers);
}

}  // namespace fftconv
