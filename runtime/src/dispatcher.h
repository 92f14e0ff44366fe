// Dispatcher: which candidates to try for a problem, in what order, and why.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fftconv/calibration.h"
#include "fftconv/device_facts.h"
#include "fftconv/tuning_db.h"

namespace fftconv {

struct Candidate {
  KernelConfig config;
  Provenance provenance = Provenance::plain_default;
  std::string reason;     ///< one sentence
  double measured_s = 0;  ///< of this very problem in this very environment, else 0
};

/// What the databases know: the best choice by Provenance over the user's own and, where nothing exact is in it, the
/// shipped one; then the other candidates measured for this very problem, fastest first. `trials` are those of the
/// problem and the environment as own.trials() gives them.
std::vector<Candidate> remembered(const Problem& problem, const DeviceFacts& facts, const Environment& environment,
                                  const std::vector<Trial>& trials, TuningDb& own,
                                  const std::function<TuningDb*()>& shipped);

/// What the cost model ranks best, calibrated where `calibration` is not null; then the plain default.
std::vector<Candidate> modelled(const Problem& problem, const DeviceFacts& facts, const Calibration* calibration);

/// Turns a config that was the best for another problem into one for this: itself where it fits, else the candidate
/// that agrees with it in most fields, of those the model's first.
std::optional<KernelConfig> adapt(const KernelConfig& config, const Problem& problem, const DeviceFacts& facts);

}  // namespace fftconv
