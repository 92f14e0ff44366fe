// Whether a card runs slower than it could for its temperature or its power.
#pragma once

#include <cstdint>
#include <optional>

namespace fftconv::cuda {

/// What is known of a card while it computes; all but nothing where there is no NVML.
struct CardState {
  double clock_hz = 0;                   ///< of the SMs; 0 = unknown
  double max_clock_hz = 0;               ///< the highest of the card; 0 = unknown
  double best_clock_hz = 0;              ///< the highest that this process has seen; 0 = none
  std::optional<std::uint64_t> reasons;  ///< Nvml::clock_reasons()
};

/// NVML's reasons decide where it gives them: heat and the hardware's own brake always, a cap on power where it takes
/// more than a tenth of the highest clock, for many cards are a little below it all day. That the card idles or that
/// its user set the clock is no throttling. A clock below 0.8 of the best seen is, whatever the reasons. Without
/// reasons it is held against the highest clock of the card, too. Without a clock nothing can be told: false.
bool is_throttled(const CardState& card);

}  // namespace fftconv::cuda
