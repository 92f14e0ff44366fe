// One convolution on host data: conversion, copies, spectrum and execution; and its check against fp64.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "fftconv/plan.h"

namespace fftconv::tools {

/// fp32 values as they lie in memory in `type`, rounded to nearest even.
std::vector<std::byte> pack(std::span<const float> values, DataType type);
std::vector<float> unpack(std::span<const std::byte> bytes, DataType type);

/// A plan with its operands on the device, ready to run again and again.
class Convolution {
 public:
  /// `u` is (B, H, L), `filter` (filters, Lk); the problem must be dense, without gates and skip.
  static Result<Convolution> prepare(Device& device, const Plan& plan, std::span<const float> u,
                                     std::span<const float> filter);

  /// Queues one run on the default stream (a CPU is done when this returns).
  Result<void> start();
  /// Runs and waits.
  Result<void> run();
  /// y as (B, H, L).
  Result<std::vector<float>> result();

 private:
  Convolution(Device& device, const Plan& plan) : device_(&device), plan_(plan) {}

  Device* device_;
  Plan plan_;
  std::unique_ptr<DeviceBuffer> u_, y_, filter_;
  std::vector<FilterSpectrum> spectrum_;  ///< one, once it is made
};

/// Relative L2 error of `y` against fp64 over rows 0, step, 2 step, … of all B H rows. `u` is rounded to the I/O type
/// first, as the kernel sees it. Infinity where y is not finite.
double error_against_fp64(const Problem& problem, std::span<const float> u, std::span<const float> filter,
                          std::span<const float> y, std::int64_t step = 1);

/// Normally distributed, unit variance; the filter decays, as learned long filters do, and has unit norm.
std::vector<float> random_input(const Problem& problem, std::uint64_t seed);
std::vector<float> random_filter(const Problem& problem, std::uint64_t seed);

}  // namespace fftconv::tools
