// Candidates whose samples a test scripts, for races without a device and without a clock.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "fftconv/measure.h"
#include "search/race.h"

namespace fftconv {

inline KernelConfig config_of_rows(int rows) {
  KernelConfig config;
  config.radices = {16, 16};
  config.rows = rows;
  return config;
}

/// Candidates are told apart by `rows`; time passes by what samples take.
class ScriptedRunner : public Runner {
 public:
  using Script = std::function<Result<Sample>(int rows, int call)>;
  explicit ScriptedRunner(Script script) : script_(std::move(script)) {}

  void compile(const KernelConfig&) override {}
  Result<Measurement> prepare(const KernelConfig&) override { return Measurement{}; }
  Result<Sample> sample(const KernelConfig& config) override {
    order.push_back(config.rows);
    Result<Sample> sample = script_(config.rows, calls[config.rows]++);
    if (sample) now += sample->seconds;
    return sample;
  }
  void release(const KernelConfig&) override {}
  Clock clock() {
    return [this] { return now; };
  }

  double now = 0;
  std::map<int, int> calls;
  std::vector<int> order;

 private:
  Script script_;
};

inline std::vector<Racer> racers_of(int count) {
  std::vector<Racer> racers;
  for (int i = 1; i <= count; ++i) racers.push_back({config_of_rows(i), {}});
  return racers;
}

inline Result<Sample> seconds(double value) { return Sample{.seconds = value, .clock_hz = 1e9}; }

}  // namespace fftconv
