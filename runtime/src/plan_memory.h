// PlanMemory: the plans made so far. A hit is one hash, one shared lock and one reference count.
#pragma once

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "fftconv/plan.h"

namespace fftconv {

class PlanMemory {
 public:
  /// The plan for `problem`, if one was made with at least the effort asked for.
  std::optional<Plan> find(const Problem& problem, int effort) const {
    const std::shared_lock lock(mutex_);
    const auto found = plans_.find(problem);
    if (found == plans_.end() || found->second.effort < effort) return std::nullopt;
    return found->second.plan;
  }

  void put(const Problem& problem, int effort, const Plan& plan) {
    const std::unique_lock lock(mutex_);
    plans_.insert_or_assign(problem, Entry{effort, plan});
  }

 private:
  struct Entry {
    int effort = 0;
    Plan plan;
  };
  mutable std::shared_mutex mutex_;
  std::unordered_map<Problem, Entry> plans_;
};

}  // namespace fftconv
