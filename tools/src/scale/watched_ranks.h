// Ranks whose calls are watched: MPI libraries may wait for ever inside a call where another process died in the
// middle of a letter.
#pragma once

#include <functional>

#include "scale/ranks.h"

namespace fftconv::tools {

/// `ranks`, with a thread that calls `give_up` once when one call has lasted longer than `limit_s` seconds in which
/// this process was awake.
std::unique_ptr<Ranks> watch(std::unique_ptr<Ranks> ranks, double limit_s, std::function<void()> give_up);

}  // namespace fftconv::tools
