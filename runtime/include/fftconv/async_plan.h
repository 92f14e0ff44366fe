// AsyncPlan: a convolution that can be run at once and becomes faster when the better kernel is ready. What compiles
// and measures is a thread of the context; nothing of it is queued on a stream of the application.
//
//   auto plan = context->plan_async(problem, {.rigor = Rigor::measure}).value();
//   plan.set_filter(taps);             // device address
//   plan.execute({.u = u, .y = y}, stream);   // by the kernel that is there, from the first call on
//
// With Rigor::estimate the background compiles and uses only the CPU's time. A rigor that measures times candidates
// on the device: it takes its share of memory and time from what the application runs, and the application's work
// makes its times worse than they are. Where that matters, capture the problems and tune them later.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "fftconv/plan.h"

namespace fftconv {

enum class AsyncProgress {
  working,    ///< the better plan is being made
  settled,    ///< this is the plan that Context::plan() gives
  failed,     ///< the better plan could not be made: the first one stays, error() says why
  cancelled,  ///< by cancel(), or the context went: the first one stays
};
const char* to_string(AsyncProgress progress);

/// Copies share everything. May outlive the context. Thread-safe.
class AsyncPlan {
 public:
  /// The plan that execute() uses now. Its spectra are its own: one made with it does not fit the better plan.
  Plan current() const;
  const Problem& problem() const;
  AsyncProgress progress() const;
  /// Where progress() is failed.
  std::optional<Error> error() const;
  /// Until it is no longer working, at most `seconds`; infinity: without end. Not needed by anything here; for
  /// programs that want to know.
  AsyncProgress wait(double seconds) const;
  /// Asks for the background work to end; a compilation that runs is let finish, its result is dropped.
  void cancel();

  /// Computes and keeps the spectrum of a filter, a device address of (filters, Lk) in filter_type(): for the current
  /// plan now, for the better one when that is ready (until then a copy of the taps is kept in host memory).
  /// Synchronous on return; convolutions queued before on other streams must be done. Errors: busy while `stream` is
  /// captured.
  Result<void> set_filter(const void* filter, Stream stream = nullptr);
  /// The same from taps in host memory.
  Result<void> set_filter_from_host(const void* taps, Stream stream = nullptr);

  /// y = conv(u, k) by the best plan whose spectrum is there. `buffers.spectrum` stays null. Allocates nothing, waits
  /// for nothing but another thread's copying of a pointer, and may be captured: a graph goes on using the kernel and
  /// spectrum it was captured with. They stay as long as the AsyncPlan, and until the second set_filter() from then.
  /// Errors: invalid_argument without a filter, else those of Plan::execute.
  Result<void> execute(const ConvolutionBuffers& buffers, Stream stream = nullptr) const;

  struct State;
  explicit AsyncPlan(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

}  // namespace fftconv
