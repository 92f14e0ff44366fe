#include "search/quiet_race.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fftconv/statistics.h"
#include "trial_status.h"

namespace fftconv {
namespace {

constexpr double kDoubt = 0.125;  // of a tie: what races that agree may leave open

void hold(const RaceRules& rules, std::vector<Racer>& racers) {
  race(rules.runner, racers, rules.policy, rules.clock, rules.deadline, rules.cancelled);
}

// One that left as too slow may have been slowed down like nobody else.
bool was_raced(const Racer& racer) {
  return was_timed(racer.measurement.status) && !racer.untried && !racer.unsampled;
}

// A race that was cut short says nothing: times of some in one race and of others in another cannot be compared.
bool quieter(const std::vector<Racer>& again, const Racer& first) {
  const bool whole = std::none_of(again.begin(), again.end(), [](const Racer& racer) { return racer.unsampled; });
  return whole && runs_on(again.front()) && again.front().measurement.median < first.measurement.median;
}

// Takes those that are in the race no more out of all races. False where one had no time, or no room.
bool take_out_losers(std::vector<Racer>& prepared, std::vector<Racer>& racers,
                     std::vector<std::vector<Racer>>& before, std::vector<Racer>& left) {
  bool whole = true;
  for (std::size_t i = racers.size(); i-- > 0;) {
    whole &= !racers[i].unsampled && !racers[i].untried;
    if (runs_on(racers[i]) || racers[i].unsampled) continue;  // time was over: that says nothing of it
    const auto place = static_cast<std::ptrdiff_t>(i);
    left.push_back(std::move(racers[i]));
    racers.erase(racers.begin() + place);
    prepared.erase(prepared.begin() + place);
    for (std::vector<Racer>& race : before) race.erase(race.begin() + place);
  }
  return whole && !racers.empty();
}

// Standard error of what races say of a racer beside the others, the largest of all racers.
double doubt_of(const std::vector<std::vector<Racer>>& races, const std::vector<double>& levels) {
  double most = 0;
  const double n = static_cast<double>(races.size());
  for (std::size_t i = 0; i < races.front().size(); ++i) {
    double sum = 0, squares = 0;
    const double first = std::log(races.front()[i].measurement.median / levels.front());
    for (std::size_t race = 0; race < races.size(); ++race) {
      const double x = std::log(races[race][i].measurement.median / levels[race]) - first;
      sum += x;
      squares += x * x;
    }
    most = std::max(most, (squares - sum * sum / n) / (n * (n - 1)));
  }
  return std::sqrt(most);
}

// Whether the machine was as quiet in all of the races, and they say the same.
bool agree(const std::vector<std::vector<Racer>>& races, const std::vector<double>& levels, double tie) {
  return quiet(levels, static_cast<int>(races.size()), tie) &&
         (races.size() < 2 || doubt_of(races, levels) <= kDoubt * tie);
}

void add_samples(Measurement& to, const Measurement& from) {
  to.samples.insert(to.samples.end(), from.samples.begin(), from.samples.end());
  to.throttled += from.throttled;
}

}  // namespace

bool runs_on(const Racer& racer) {
  return racer.measurement.status == TrialStatus::measured && !racer.untried && !racer.unsampled;
}

std::vector<double> race_levels(const std::vector<std::vector<Racer>>& races) {
  std::vector<double> levels;
  for (const std::vector<Racer>& racers : races) {
    double sum = 0;
    for (const Racer& racer : racers) sum += std::log(racer.measurement.median) / static_cast<double>(racers.size());
    levels.push_back(std::exp(sum));
  }
  return levels;
}

void race_until_quiet(const RaceRules& rules, std::vector<Racer>& racers,
                      const std::function<bool(const Racer& first)>& busy, const std::function<bool()>& may_wait) {
  const std::vector<Racer> prepared = racers;
  hold(rules, racers);
  while (!racers.empty() && runs_on(racers.front()) && busy(racers.front()) && !rules.over() && may_wait()) {
    std::vector<Racer> again;
    for (std::size_t i = 0; i < racers.size(); ++i) {
      if (was_raced(racers[i])) again.push_back(prepared[i]);
    }
    hold(rules, again);
    const bool better = quieter(again, racers.front());
    std::size_t place = 0;
    for (Racer& racer : racers) {
      if (!was_raced(racer)) continue;
      Racer& other = again[place++];
      if (other.unsampled) continue;
      const bool failed = other.untried || !was_timed(other.measurement.status);
      if (better || failed) racer = std::move(other);
    }
  }
}

FinalTimes race_finals(const RaceRules& rules, const FinalRules& final_rules, std::vector<Racer> racers) {
  FinalTimes result;
  std::vector<std::vector<Racer>> races;
  RaceRules whole_race = rules;
  whole_race.policy.min_samples = final_rules.rounds;
  whole_race.policy.drop_after = rules.policy.max_samples + 1;
  const double begin = rules.clock();
  while (racers.size() > 1 && static_cast<int>(races.size()) < final_rules.most && !rules.over()) {
    std::vector<Racer> raced = racers;
    hold(whole_race, raced);
    if (!take_out_losers(racers, raced, races, result.left)) break;
    races.push_back(std::move(raced));
    if (rules.clock() - begin >= final_rules.seconds) break;
    const std::vector<double> levels = race_levels(races);
    if (static_cast<int>(races.size()) < final_rules.counting || !agree(races, levels, rules.policy.tie)) continue;
    if (!final_rules.busy || !final_rules.busy(races[quietest(levels, 1).front()])) break;
  }
  const int counting = std::max(final_rules.counting, static_cast<int>(races.size() / 3));
  for (const std::size_t number : quietest(race_levels(races), counting)) {
    if (result.racers.empty()) {
      result.racers = races[number];
      continue;
    }
    for (std::size_t i = 0; i < result.racers.size(); ++i) {
      add_samples(result.racers[i].measurement, races[number][i].measurement);
    }
  }
  level_rounds(result.racers);  // what slowed one of the races down
  return result;
}

}  // namespace fftconv
