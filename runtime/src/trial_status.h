// What an error says of the candidate that it is about, and the other way round.
#pragma once

#include "fftconv/measurement.h"
#include "fftconv/result.h"

namespace fftconv {

/// Whether an error is of the machine: nothing that a candidate could help.
bool of_the_machine(ErrorCode code);
/// Of an error that is the candidate's.
TrialStatus status_of(ErrorCode code);
/// Of a measurement that failed.
Error error_of(const Measurement& failed);

}  // namespace fftconv
