// What the handles of the C interface stand for.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "fftconv/async_plan.h"
#include "fftconv/plan.h"

struct fftconv_context {
  std::shared_ptr<fftconv::Device> device;
  std::shared_ptr<fftconv::Context> context;
};

/// A plan with the filter that it was given.
struct fftconv_plan {
  explicit fftconv_plan(std::shared_ptr<fftconv::Device> on) : device(std::move(on)) {}
  virtual ~fftconv_plan() = default;
  fftconv_plan(const fftconv_plan&) = delete;
  fftconv_plan& operator=(const fftconv_plan&) = delete;

  virtual const fftconv::Problem& problem() const = 0;
  /// taps: (filters, Lk) of filter_type() in host memory.
  virtual fftconv::Result<void> set_filter(const void* taps) = 0;
  /// `buffers.spectrum` is null: the plan has it. Errors: invalid_argument before set_filter().
  virtual fftconv::Result<void> execute(const fftconv::ConvolutionBuffers& buffers, fftconv::Stream stream) const = 0;
  virtual fftconv::AsyncProgress wait(double seconds) const = 0;
  /// Where wait() said failed.
  virtual fftconv::Error why_failed() const = 0;
  virtual void cancel() = 0;
  /// Lives as long as the plan, also where its kernel changes.
  const char* explain() const;

  const std::shared_ptr<fftconv::Device> device;

 protected:
  virtual fftconv::Plan current() const = 0;

 private:
  mutable std::mutex mutex_;
  mutable std::set<std::string> said_;  ///< two at most: of the first kernel and of the better one
};

namespace fftconv {

std::unique_ptr<fftconv_plan> make_handle(std::shared_ptr<Device> device, const Plan& plan);
std::unique_ptr<fftconv_plan> make_handle(std::shared_ptr<Device> device, const AsyncPlan& plan);

}  // namespace fftconv
