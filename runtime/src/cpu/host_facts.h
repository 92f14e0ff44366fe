// What /proc and /sys say of this machine's processor, and how fast it is.
#pragma once

#include "fftconv/device_facts.h"
#include "fftconv/result.h"

namespace fftconv {

/// Name, architecture, cores, lanes and caches; rates are left at 0. `arch` empty: the best that this processor runs;
/// device_missing where it does not run `arch`.
Result<DeviceFacts> read_host_facts(int threads, const std::string& arch = {});

/// Release of the operating system, e.g. "6.1.0-18-amd64".
std::string os_release();

/// Fills in clock, fused multiply-add rate and copy bandwidth with `threads` at work; some 50 ms.
void measure_rates(DeviceFacts& facts, int threads);

}  // namespace fftconv
