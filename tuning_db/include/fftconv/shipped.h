// Measurements that come with the library (tuning_db/shipped/*.jsonl), under the user's own.
#pragma once

#include <functional>
#include <optional>

#include "fftconv/tuning_db.h"

namespace fftconv {

/// The shipped trials as a read-only database in memory; empty where none were shipped. Lines that do not parse are
/// logged and left out. Parses all of them: open it once.
Result<TuningDb> open_shipped(LogCallback log = {});

/// TuningDb::choose() over the user's own database first and the shipped one under it: the better provenance wins, on
/// equal provenance the user's own. The explanation of a shipped trial says that it is one.
std::optional<Choice> choose(TuningDb& own, TuningDb& shipped, const Environment& environment, const Problem& problem,
                             const std::function<std::optional<KernelConfig>(const KernelConfig&)>& adapt);

}  // namespace fftconv
