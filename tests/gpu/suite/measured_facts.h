// The rates that the ceilings section measured, put into DeviceFacts.
#pragma once

#include <filesystem>

#include "fftconv/device_facts.h"

namespace fftconv::gpu_suite {

/// `facts` with every rate that <results>/ceilings.jsonl gives; `measured` is set where all of them are there.
DeviceFacts with_measured_rates(DeviceFacts facts, const std::filesystem::path& results);

}  // namespace fftconv::gpu_suite
