// What AsyncPlan is made of.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "fftconv/async_plan.h"
#include "shared_slot.h"

namespace fftconv {

struct AsyncPlan::State {
  /// A plan with the spectrum that fits it; published together.
  struct Version {
    Plan plan;
    std::optional<FilterSpectrum> spectrum;
  };

  State(std::shared_ptr<Device> of, const Plan& first, AsyncProgress at);

  /// The better plan, from the background thread: makes its spectrum, then publishes both. Errors become `failed`.
  void improve(const Plan& better);
  void finish(AsyncProgress how, std::optional<Error> why = std::nullopt);

  const std::shared_ptr<Device> device;
  const Problem problem;
  SharedSlot<const Version> now;
  std::atomic<bool> cancelled = false;

  std::mutex filter_mutex;      ///< of setting a filter and of the swap; execute() does not take it
  std::vector<std::byte> taps;  ///< empty once settled
  /// What was replaced by the swap: launches that are queued, and graphs, may still use it. One at most, since there
  /// is one swap.
  std::shared_ptr<const Version> retired;
  /// What the last set_filter() replaced: an execute() on another thread may have begun with it, and must not be the
  /// one that frees it.
  std::shared_ptr<const Version> replaced;

  std::mutex mutex;
  std::condition_variable changed;
  AsyncProgress progress = AsyncProgress::working;
  std::optional<Error> error;
};

}  // namespace fftconv
