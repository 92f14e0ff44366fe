// Predicted time of a candidate from first principles, and the floor that no kernel beats.
#pragma once

#include <string>
#include <vector>

#include "fftconv/device_facts.h"
#include "fftconv/kernel_config.h"
#include "fftconv/problem.h"

namespace fftconv {

/// Seconds for the whole problem, each resource on its own; `total` combines them.
struct Cost {
  double matrix_s = 0;  ///< DFT matrix products by engine rate
  double issue_s = 0;   ///< instruction issue slots
  double shared_s = 0;  ///< shared-memory bytes, and tables read again from L1, which shares its port
  double memory_s = 0;  ///< device-memory bytes
  double l2_s = 0;      ///< L2 bytes: tables and spectrum that are read again for each row
  double launch_s = 0;
  double occupancy = 0;  ///< resident warps of a multiprocessor over its maximum, 0 … 1
  double total_s = 0;
  std::string bound;  ///< name of the largest term
};

Cost predict(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

/// FlashFFTConv's cost model (arXiv 2311.05908, eq. 2), kept as a comparison:
/// C = B H sum_i [16 N N_i / gamma(N_i) + 4 N / omega(i)], in seconds.
double predict_eq2(const Problem& problem, const KernelConfig& config, const DeviceFacts& device);

/// The floor: bytes over bandwidth and matrix work over rate, whichever is larger, in seconds.
double floor_seconds(const Problem& problem, const DeviceFacts& device);

struct Ranked {
  KernelConfig config;
  Cost cost;              ///< from first principles
  double expected_s = 0;  ///< what it is ranked by: cost.total_s, corrected where there is a calibration
};

/// Candidates of search_space() by predicted time, best first; ties keep the fixed order of the space.
std::vector<Ranked> rank(const Problem& problem, const DeviceFacts& device);

}  // namespace fftconv
