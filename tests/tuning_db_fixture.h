// Trials, environments and directories for the tests of the two databases.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fftconv/tuning_db.h"

namespace fftconv::test {

enum class Where { disk, memory };

/// A private directory that goes away with the object; on request in memory, for tests that would mostly wait for a
/// disk.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(Where where = Where::disk) {
    bool memory = where == Where::memory && access("/dev/shm", W_OK) == 0;
    std::filesystem::path parent = memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "fftconv-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Keeps the lines of a log.
struct Log {
  std::vector<std::string> lines;
  LogCallback callback() {
    return [this](const std::string& line) { lines.push_back(line); };
  }
  std::string text() const {
    std::string all;
    for (const std::string& line : lines) all += line + "\n";
    return all;
  }
  bool says(const std::string& part) const {
    for (const std::string& line : lines)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }
};

inline Environment environment_here() {
  Environment e;
  e.device = "NVIDIA H200";
  e.kind = "cuda";
  e.arch = "sm_90a";
  e.sm_count = 132;
  e.l2_bytes = 62914560;
  e.driver = "580.65";
  e.compiler = "nvrtc 13.0";
  e.generator_digest = std::string(64, 'a');
  e.policy = "cold";
  return e;
}

inline Environment with(const std::function<void(Environment&)>& change) {
  Environment e = environment_here();
  change(e);
  return e;
}

inline TuningDb in_memory() { return std::move(TuningDb::open({})).value(); }

inline Problem problem_of(std::int64_t seqlen, std::int64_t batch = 64, std::int64_t channels = 768) {
  Problem p;
  p.seqlen = seqlen;
  p.filter_len = seqlen;
  p.batch = batch;
  p.channels = channels;
  p.io = DataType::f16;
  p.precision = Precision::f16;
  return p;
}

inline KernelConfig config_of(int warps, int depth = 1) {
  KernelConfig c;
  c.radices = {16, 16, 16};
  c.warps = warps;
  c.depth = depth;
  return c;
}

inline Trial trial_of(const Environment& environment, const Problem& problem, const KernelConfig& config,
                      double median, double error = 1e-4) {
  Trial t;
  t.environment = environment;
  t.problem = problem;
  t.config = config;
  t.measurement.samples = {median * 1.01, median, median * 0.99};
  t.measurement.lower_quartile = median * 0.995;
  t.measurement.median = median;
  t.measurement.upper_quartile = median * 1.005;
  t.measurement.error = error;
  t.unix_time = 1795521600;  // 2026-11-24
  return t;
}

/// A trial with every field drawn at random.
inline Trial random_trial(std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0.1, 1.0);
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Environment e = environment_here();
  e.driver = "580." + std::to_string(pick(3));
  e.sm_count = 100 + pick(3);
  Trial t = trial_of(e, problem_of(256 << pick(6), 1 + pick(4)), config_of(1 << pick(4), 1 + pick(4)),
                     1e-3 * unit(random), 1e-4 * unit(random));
  t.config.rows = 1 + pick(4);
  t.measurement.status = static_cast<TrialStatus>(pick(8));
  if (t.measurement.status != TrialStatus::measured) t.measurement.reason = "reason " + std::to_string(random());
  t.measurement.samples.assign(pick(30), 0);
  for (double& sample : t.measurement.samples) sample = 1e-3 * unit(random);
  t.measurement.clock_hz = 1.98e9 * unit(random);
  t.measurement.throttled = pick(5);
  t.measurement.registers = pick(256);
  t.measurement.spill_bytes = pick(64);
  t.measurement.compile_s = unit(random);
  t.unix_time = 1795521600 + pick(1000000);
  return t;
}

inline bool same(const Trial& a, const Trial& b) {
  return a.environment == b.environment && a.problem == b.problem && a.config == b.config &&
         a.measurement == b.measurement && a.unix_time == b.unix_time;
}

/// For choose(): every config is legal.
inline std::optional<KernelConfig> as_it_is(const KernelConfig& config) { return config; }

}  // namespace fftconv::test
