#include "c_handles.h"

#include <atomic>
#include <optional>

namespace fftconv {
namespace {

Error no_filter() { return invalid("the plan has no filter yet: call fftconv_set_filter() first"); }

class FixedHandle final : public fftconv_plan {
 public:
  FixedHandle(std::shared_ptr<Device> on, const Plan& plan) : fftconv_plan(std::move(on)), plan_(plan) {}

  const Problem& problem() const override { return plan_.problem(); }
  Result<void> set_filter(const void* taps) override {
    const std::size_t bytes = filter_bytes(problem());
    const auto filter = device->allocate(bytes);
    if (!filter) return filter.error();
    if (auto copied = device->upload((*filter)->data(), taps, bytes); !copied) return copied;
    auto spectrum = plan_.make_spectrum((*filter)->data());
    if (!spectrum) return spectrum.error();
    spectrum_ = *spectrum;
    return {};
  }
  Result<void> execute(const ConvolutionBuffers& buffers, Stream stream) const override {
    if (!reads_filter(problem())) return plan_.execute(buffers, stream);
    if (!spectrum_) return no_filter();
    ConvolutionBuffers complete = buffers;
    complete.spectrum = &*spectrum_;
    return plan_.execute(complete, stream);
  }
  AsyncProgress wait(double) const override { return AsyncProgress::settled; }
  Error why_failed() const override { return {ErrorCode::internal, "nothing failed"}; }
  void cancel() override {}

 private:
  Plan current() const override { return plan_; }

  const Plan plan_;
  std::optional<FilterSpectrum> spectrum_;
};

class AsyncHandle final : public fftconv_plan {
 public:
  AsyncHandle(std::shared_ptr<Device> on, const AsyncPlan& plan) : fftconv_plan(std::move(on)), plan_(plan) {}

  const Problem& problem() const override { return plan_.problem(); }
  Result<void> set_filter(const void* taps) override {
    auto set = plan_.set_filter_from_host(taps);
    if (set) has_filter_ = true;
    return set;
  }
  Result<void> execute(const ConvolutionBuffers& buffers, Stream stream) const override {
    if (!has_filter_ && reads_filter(problem())) return no_filter();  // in the words of this interface
    return plan_.execute(buffers, stream);
  }
  AsyncProgress wait(double seconds) const override { return plan_.wait(seconds); }
  Error why_failed() const override { return plan_.error().value_or(Error{ErrorCode::internal, "nothing failed"}); }
  void cancel() override { plan_.cancel(); }

 private:
  Plan current() const override { return plan_.current(); }

  AsyncPlan plan_;
  std::atomic<bool> has_filter_ = false;
};

}  // namespace

std::unique_ptr<fftconv_plan> make_handle(std::shared_ptr<Device> device, const Plan& plan) {
  return std::make_unique<FixedHandle>(std::move(device), plan);
}

std::unique_ptr<fftconv_plan> make_handle(std::shared_ptr<Device> device, const AsyncPlan& plan) {
  return std::make_unique<AsyncHandle>(std::move(device), plan);
}

}  // namespace fftconv

const char* fftconv_plan::explain() const {
  const std::lock_guard lock(mutex_);
  return said_.insert(current().explain()).first->c_str();
}
