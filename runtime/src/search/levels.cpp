#include "search/levels.h"

#include <algorithm>
#include <cmath>

namespace fftconv {

double Levels::pace(const Racer& racer) const {
  const double before = of(racer.config), now = racer.measurement.median;
  return before > 0 && now > 0 ? before / now : 1;
}

double Levels::scale(double pace) const { return std::abs(std::log(pace)) > std::log(1 + tie_) ? pace : 1; }

void Levels::held_race_at(double pace) { quietest_ = std::max(quietest_, pace); }

void Levels::confirmed_at(const KernelConfig& config, double pace) {
  double& kept = paces_.try_emplace(to_string(config), pace).first->second;
  kept = std::max(kept, pace);
}

bool Levels::quieter(const KernelConfig& config, double pace) const {
  const auto timed = paces_.find(to_string(config));
  return timed == paces_.end() || pace > timed->second;
}

bool Levels::in_doubt(const KernelConfig& config) const {
  const auto timed = paces_.find(to_string(config));
  return timed != paces_.end() && busy(timed->second);
}

bool Levels::busier_than_known(const std::vector<Racer>& racers) const {
  double sum = 0;
  int count = 0;
  for (const Racer& racer : racers) {
    const auto timed = paces_.find(to_string(racer.config));
    if (timed == paces_.end() || busy(timed->second)) continue;
    sum += std::log(racer.measurement.median / (of(racer.config) / timed->second));
    ++count;
  }
  return tie_ > 0 && count > 0 && sum / count > std::log(1 + 2 * tie_);
}

}  // namespace fftconv
