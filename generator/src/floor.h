// Work that no kernel avoids, for the floor and for reports.
#pragma once

#include <cstdint>

#include "fftconv/device_facts.h"
#include "fftconv/problem.h"

namespace fftconv {

/// Device-memory bytes of the whole problem: every input and output once, the filter once for each group of rows that
/// can share it on chip.
double floor_bytes(const Problem& problem);

/// Operations of the transforms in the whole problem: a balanced Monarch transform on tensor cores.
double floor_matrix_flops(const Problem& problem);

/// The dense matrix rate of the device for the problem's precision: no less than what mma.sync reaches.
double dense_rate(const DeviceFacts& device, Precision precision);

}  // namespace fftconv
