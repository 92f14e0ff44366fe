// One convolution on host data: conversion, copies, spectrum and execution; and its check against fp64.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "fftconv/plan.h"

namespace fftconv::tools {

/// Values as they lie in memory in `type`, rounded to nearest even.
std::vector<std::byte> pack(std::span<const double> values, DataType type);
std::vector<double> unpack(std::span<const std::byte> bytes, DataType type);

/// A plan with its operands on the device, ready to run again and again.
class Convolution {
 public:
  /// `u` is (B, H, L), `filter` (filters, Lk); the problem must be dense, without gates and skip.
  static Result<Convolution> prepare(Device& device, const Plan& plan, std::span<const double> u,
                                     std::span<const double> filter);

  /// Queues one run on the default stream (a CPU is done when this returns).
  Result<void> start();
  /// Runs and waits.
  Result<void> run();
  /// y as (B, H, L).
  Result<std::vector<double>> result();

 private:
  Convolution(Device& device, const Plan& plan) : device_(&device), plan_(plan) {}

  Device* device_;
  Plan plan_;
  std::unique_ptr<DeviceBuffer> u_, y_, filter_;
  std::vector<FilterSpectrum> spectrum_;  ///< one, once it is made
};

/// Relative L2 error of `y` against fp64 over rows 0, step, 2 step, … of all B H rows. `u` and `filter` are rounded
/// to their types in memory first, as the kernel sees them. Infinity where y is not finite.
double error_against_fp64(const Problem& problem, std::span<const double> u, std::span<const double> filter,
                          std::span<const double> y, std::int64_t step = 1);

/// Normally distributed, unit variance, values of fp32; the filter decays, as learned long filters do, and has unit
/// norm.
std::vector<double> random_input(const Problem& problem, std::uint64_t seed);
std::vector<double> random_filter(const Problem& problem, std::uint64_t seed);

}  // namespace fftconv::tools
