// One race: samples in rounds, so that drift hits all candidates alike.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "fftconv/measure.h"

namespace fftconv {

struct Racer {
  KernelConfig config;
  Measurement measurement;  ///< as prepare() left it; samples and quartiles are filled by the race
  std::optional<Error> untried = std::nullopt;  ///< why it left, where that says nothing of it
  bool unsampled = false;  ///< the race was over, or the device throttled, before its first sample
};

/// Takes out of the samples what slowed whole rounds down, and summarises them again. On a shared machine a round is
/// off by a quarter, and what is left of a sample without that by a twentieth: candidates are to be compared.
void level_rounds(std::vector<Racer>& racers);

/// Samples every racer with status `measured` once a round. One whose fastest sample is past drop_ratio of the best
/// median after drop_after rounds leaves as `dropped`; one whose sample fails leaves with the status of the error.
/// Throttled samples are thrown away, counted and taken again. Ends when all that are left have min_samples and have
/// settled, at max_samples, at `deadline` (on `clock`), or when `cancelled` says so. A racer without a single good
/// sample at the end is `timed_out`. Its samples are those of level_rounds() then.
void race(Runner& runner, std::vector<Racer>& racers, const MeasurePolicy& policy, const Clock& clock,
          double deadline, const std::function<bool()>& cancelled = {});

}  // namespace fftconv
