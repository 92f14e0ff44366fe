// Times of many races on one scale. A machine that others use is faster in one race than in another; the best so far
// runs along in each and tells by how much.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fftconv/kernel_config.h"
#include "search/race.h"

namespace fftconv {

/// Of one search. A level is a median as if all candidates had been in the search's first race; a pace is how fast
/// the machine was in a race, where it was 1 in that one.
class Levels {
 public:
  /// `tie`: differences up to this (0.02: 2 %) are noise. 0: times are exact, so that a slower race says nothing
  /// about the machine.
  explicit Levels(double tie) : tie_(tie) {}

  /// `scale`: that of the race that `median_s` is from.
  void put(const std::string& config, double median_s, double scale = 1) { levels_[config] = median_s * scale; }
  double of(const std::string& config) const { return levels_.at(config); }
  double of(const KernelConfig& config) const { return of(to_string(config)); }

  /// In the race that `racer`, which has a level, took part in; 1 where it has no time.
  double pace(const Racer& racer) const;
  /// What turns times of a race at `pace` into levels. A change that noise explains is none: correcting it would
  /// bring in the noise of one candidate to all.
  double scale(double pace) const;

  /// Of a race that is over: the fastest tells what the machine can do.
  void held_race_at(double pace);
  /// Whether the machine is slower at `pace` than it was in another race.
  bool busy(double pace) const { return tie_ > 0 && pace * (1 + tie_) < quietest_; }

  /// The level of `config` is from a race at `pace`.
  void timed_at(const KernelConfig& config, double pace) { paces_[to_string(config)] = pace; }
  /// It was in another race, too, and its level stands: it is in no more doubt than after the quieter of both.
  void confirmed_at(const KernelConfig& config, double pace);
  /// In this search, rather than in one before.
  bool timed(const KernelConfig& config) const { return paces_.contains(to_string(config)); }
  /// Whether a race at `pace` says more of `config` than the one that its level is from.
  bool quieter(const KernelConfig& config, double pace) const;
  /// Timed in this search, and while the machine was busy.
  bool in_doubt(const KernelConfig& config) const;

  /// Whether those of `racers` that are in no doubt are slower in this race than their levels. They were chosen for
  /// short times, some by luck, so that a tie more counts for nothing.
  bool busier_than_known(const std::vector<Racer>& racers) const;

 private:
  double tie_ = 0;
  std::map<std::string, double> levels_;  ///< by config
  std::map<std::string, double> paces_;   ///< of the races that the levels are from, where it was in this search
  double quietest_ = 1;                   ///< the highest pace
};

}  // namespace fftconv
