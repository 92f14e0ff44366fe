// The config that a search finds on this machine, in a folder of its own that is gone afterwards.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <random>

#include "fftconv/plan.h"

namespace fftconv::targets {

class Tuner {
 public:
  explicit Tuner(const std::shared_ptr<Device>& device)
      : folder_(std::filesystem::temp_directory_path() / fmt::format("fftconv-target-{}", std::random_device{}())) {
    std::filesystem::create_directory(folder_);
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    context_ = Context::create(device, {.cache_directory = folder_}).value();
  }
  ~Tuner() {
    context_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  Result<Plan> plan(const Problem& problem, double seconds) {
    return context_->plan(problem, {.rigor = Rigor::patient, .budget_s = seconds});
  }
  Result<KernelConfig> config(const Problem& problem, double seconds) {
    const auto found = plan(problem, seconds);
    if (!found) return found.error();
    return found->config();
  }

 private:
  std::filesystem::path folder_;
  std::shared_ptr<Context> context_;
};

}  // namespace fftconv::targets
