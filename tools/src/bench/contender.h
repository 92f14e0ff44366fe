// What is timed: our kernel and its peers, through one clock.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/aligned.h"
#include "fftconv/device.h"
#include "fftconv/problem.h"

namespace fftconv::tools {

/// Computes one problem again and again on the same data. The filter's spectrum is made beforehand.
class Contender {
 public:
  virtual ~Contender() = default;
  /// What it is and how it was set up, for people.
  virtual std::string name() const = 0;
  /// Queues or does the whole convolution once.
  virtual Result<void> run() = 0;
  /// Seconds of the last run() by the contender's own clock, where it runs in another process.
  virtual std::optional<double> seconds() const { return std::nullopt; }
  /// y as (B, H, L), once what run() queued is done.
  virtual Result<std::vector<double>> result() = 0;
};

/// Times what a contender does. One for each kind of device, so that all contenders are timed alike.
class Stopwatch {
 public:
  virtual ~Stopwatch() = default;
  /// Seconds of one run(). With `cold` the cache is flushed before it.
  virtual Result<double> time(Contender& contender, bool cold) = 0;
};

/// Host data of one problem, as fp32 for the peers.
struct BenchData {
  Problem problem;
  AlignedFloats u;            ///< (B, H, L)
  std::vector<float> filter;  ///< (filters, Lk)
};

/// Taps of filter `f` as they stand in one period of a circular convolution of `n` points: tap j at its lag modulo n.
std::vector<float> periodic_filter(const BenchData& data, std::int64_t f, std::int64_t n);
/// Points of a circular convolution that gives this problem's result: L for circular problems, else the next product
/// of 2, 3, 5 and 7, even, at or above L + Lk - 1.
std::int64_t padded_length(const Problem& problem);

/// The monotonic clock; a cold cache by writing to twice `cache_bytes`.
std::unique_ptr<Stopwatch> make_host_stopwatch(std::int64_t cache_bytes);
/// Events of the CUDA driver on the default stream.
Result<std::unique_ptr<Stopwatch>> make_cuda_stopwatch(int ordinal, std::int64_t l2_bytes);

/// cuFFT, single precision, real to complex at padded_length(), all rows in one batch. Errors: dependency_missing …
Result<std::unique_ptr<Contender>> make_cufft(const BenchData& data, const std::string& library, int ordinal,
                                              const DeviceFacts& facts);
/// torch or scipy in a Python process (`python` is its program) that shares the data and is told when to run. Errors:
/// dependency_missing where that Python lacks the module, io where there is no such program.
Result<std::unique_ptr<Contender>> make_python_peer(const BenchData& data, const std::string& module,
                                                    const std::string& python, int threads);

}  // namespace fftconv::tools
