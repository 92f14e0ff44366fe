// Measurement: what one candidate's samples showed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fftconv {

enum class TrialStatus {
  measured,
  dropped,  ///< left the race early, too slow to win: its time is an estimate. Or did not win although its median is
            ///< no higher than the winner's: the reason says why
  illegal,  ///< refused by check_legal
  compile_failed,
  launch_failed,
  wrong_result,  ///< relative L2 error above the budget, NaN, or a canary overwritten
  timed_out,
  crashed,  ///< the worker process ended by a signal
};

struct Measurement {
  TrialStatus status = TrialStatus::measured;
  std::string reason;           ///< one sentence where status is not `measured`
  std::vector<double> samples;  ///< seconds, in the order taken, throttled ones left out. Of a race: without what
                                ///< slowed a whole round down, round_levels()
  double lower_quartile = 0;    ///< seconds
  double median = 0;
  double upper_quartile = 0;
  double error = -1;    ///< relative L2 error against fp64; -1 = not checked
  double clock_hz = 0;  ///< median over the samples; 0 = unknown
  int throttled = 0;    ///< samples thrown away
  int registers = 0;
  int spill_bytes = 0;
  double compile_s = 0;
  bool operator==(const Measurement&) const = default;
};

const char* to_string(TrialStatus status);

/// Whether a candidate of this status was timed: all others failed in some way.
constexpr bool was_timed(TrialStatus status) {
  return status == TrialStatus::measured || status == TrialStatus::dropped;
}

/// Begins the reason of those who did not win because their samples are of a race in which the machine was faster, or
/// slower, than in the winner's.
inline constexpr std::string_view kOtherPace = "Timed at another pace of the machine: ";
/// Whether the times say nothing beside the winner's.
inline bool at_other_pace(const Measurement& measurement) {
  return measurement.status == TrialStatus::dropped && measurement.reason.starts_with(kOtherPace);
}

}  // namespace fftconv
