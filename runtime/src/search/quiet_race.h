// Races on a machine that others use, too. What runs beside them slows candidates down for seconds, and not all
// alike: one may be 9 % ahead while the machine is quiet and 7 % behind while it is not. So races are held again, and
// the quietest count.
#pragma once

#include <functional>
#include <vector>

#include "search/race.h"

namespace fftconv {

/// What a race needs beside its racers.
struct RaceRules {
  Runner& runner;
  MeasurePolicy policy;
  Clock clock;
  double deadline = 0;  ///< on `clock`
  std::function<bool()> cancelled = {};

  bool over() const { return clock() >= deadline || (cancelled && cancelled()); }
};

/// Has times, and is in the race still.
bool runs_on(const Racer& racer);

/// How slow the machine was in each of several races of the same candidates: the geometric means of their medians.
std::vector<double> race_levels(const std::vector<std::vector<Racer>>& races);

/// One race of `racers`, and others while `busy` says so of the quietest so far and `may_wait` allows it. The
/// quietest counts, by the time of the first racer; who fails in any of them has failed.
void race_until_quiet(const RaceRules& rules, std::vector<Racer>& racers,
                      const std::function<bool(const Racer& first)>& busy, const std::function<bool()>& may_wait);

/// Medians of two candidates move against each other for seconds, so that races right after one another are wrong
/// alike: on a shared machine spells of two to six seconds in which another candidate is the fastest are common. Six
/// races of 0.1 s are off by 0.5 to 1.2 %, finals by these rules by 0.4 to 0.9 (medians of two runs of
/// tests/targets/race_noise.cpp). Where the first races are alike and agree there is no such thing.
struct FinalRules {
  int rounds = 0;      ///< of each race
  int counting = 6;    ///< races at least; of more the quietest third counts, and no fewer than these
  int most = 100;      ///< races are held until all are alike and agree, or this many were held …
  double seconds = 6;  ///< … or so much time is over
  /// Whether a race was held on a machine busier than it is known to have been; empty: nothing is known.
  std::function<bool(const std::vector<Racer>&)> busy = {};
};

struct FinalTimes {
  std::vector<Racer>
      racers;  ///< those left, with the samples of the races that count; none where none gave times of all
  std::vector<Racer> left;  ///< who failed, or could not go on, in one of the races
};

/// Races of the same candidates, as prepared, until all agree or the limits are reached.
FinalTimes race_finals(const RaceRules& rules, const FinalRules& final_rules, std::vector<Racer> racers);

}  // namespace fftconv
