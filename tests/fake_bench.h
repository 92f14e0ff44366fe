// A context on a fake device whose compilations and samples are counted.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fftconv/cost_model.h"
#include "fftconv/fake_device.h"
#include "fftconv/plan.h"

namespace fftconv {

inline Problem small_problem(std::int64_t seqlen = 256) {
  Problem problem;
  problem.seqlen = seqlen;
  problem.filter_len = seqlen;
  problem.batch = 2;
  problem.channels = 3;
  problem.io = DataType::f16;
  problem.precision = Precision::f16;
  return problem;
}

/// A directory that goes with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() /
            ("fftconv-test-" + std::to_string(random()) + "-" + std::to_string(random()));
    std::filesystem::create_directories(path_);
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What happened on a fake device.
struct FakeLog {
  std::atomic<int> compiles{0};
  std::atomic<int> samples{0};
  std::mutex mutex;
  std::multiset<std::string> sampled;  ///< configs, once for each sample

  int samples_of(const KernelConfig& config) {
    const std::lock_guard lock(mutex);
    return static_cast<int>(sampled.count(to_string(config)));
  }
};

/// Adds counting to a script. Without a script for samples each takes a millisecond.
inline std::shared_ptr<Device> counting_device(FakeScript script, const std::shared_ptr<FakeLog>& log) {
  script.compile = [inner = script.compile, log](const KernelConfig& config) -> Result<void> {
    ++log->compiles;
    if (inner) return inner(config);
    return {};
  };
  script.sample = [inner = script.sample, log](const KernelConfig& config, int call) {
    ++log->samples;
    {
      const std::lock_guard lock(log->mutex);
      log->sampled.insert(to_string(config));
    }
    return inner ? inner(config, call) : Sample{.seconds = 1e-3};
  };
  return make_fake_device(std::move(script));
}

/// A context whose databases are in memory, or in `directory`.
inline std::shared_ptr<Context> context_on(const std::shared_ptr<Device>& device,
                                           const std::filesystem::path& directory = {}) {
  ContextOptions options;
  options.use_disk = !directory.empty();
  options.cache_directory = directory;
  Result<std::shared_ptr<Context>> context = Context::create(device, options);
  REQUIRE_MESSAGE(context, context.error().message);
  return *context;
}

/// The model's candidates for the fake device, best first.
inline std::vector<KernelConfig> ranked_configs(const Problem& problem, Device& device) {
  std::vector<KernelConfig> configs;
  for (const Ranked& ranked : rank(problem, device.facts())) configs.push_back(ranked.config);
  REQUIRE_MESSAGE(configs.size() > 8, "the tests need a space of more than eight candidates");
  return configs;
}

inline Trial trial_of(Context& context, const Problem& problem, const KernelConfig& config, double seconds) {
  Trial trial{.environment = context.environment(), .problem = problem, .config = config, .unix_time = 1'700'000'000};
  trial.measurement.samples = {seconds, seconds, seconds};
  trial.measurement.lower_quartile = trial.measurement.median = trial.measurement.upper_quartile = seconds;
  trial.measurement.error = 1e-4;
  return trial;
}

inline void put(Context& context, const Trial& trial) {
  context.with_database([&](TuningDb& database) {
    const Result<void> stored = database.put(trial);
    REQUIRE_MESSAGE(stored, stored.error().message);
  });
}

inline std::vector<Trial> trials_of(Context& context, const Problem& problem) {
  std::vector<Trial> trials;
  context.with_database([&](TuningDb& database) { trials = database.trials(context.environment(), problem); });
  return trials;
}

}  // namespace fftconv
