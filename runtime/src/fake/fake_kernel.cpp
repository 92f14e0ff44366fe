#include "fake/fake_kernel.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "rows.h"

namespace fftconv {
namespace {

// The spectrum of a fake is its filter. A real spectrum can be smaller than that, so the taps are kept here by the
// spectrum's address, and the buffer itself gets as much of them as fits.
class FilterStore {
 public:
  void put(const void* spectrum, std::vector<float> taps) {
    const std::lock_guard lock(mutex_);
    filters_[spectrum] = std::make_shared<const std::vector<float>>(std::move(taps));
  }
  std::shared_ptr<const std::vector<float>> find(const void* spectrum) {
    const std::lock_guard lock(mutex_);
    const auto found = filters_.find(spectrum);
    return found == filters_.end() ? nullptr : found->second;
  }

 private:
  std::mutex mutex_;
  std::map<const void*, std::shared_ptr<const std::vector<float>>> filters_;
};

FilterStore& filter_store() {
  static FilterStore store;
  return store;
}

}  // namespace

FakeKernel::FakeKernel(const KernelSource& source, std::shared_ptr<const FakeScript> script)
    : problem_(source.problem),
      config_(source.config),
      spectrum_entry_(source.spectrum.name),
      spectrum_bytes_(static_cast<std::size_t>(source.spectrum_bytes)),
      script_(std::move(script)) {}

Result<void> FakeKernel::launch(const KernelEntry& entry, const KernelArgs& args, Stream) const {
  if (entry.name == spectrum_entry_) return make_spectrum(args);
  if (script_->launch) {
    if (Result<void> launched = script_->launch(config_); !launched) return launched;
  }
  return convolve(args);
}

Result<void> FakeKernel::make_spectrum(const KernelArgs& args) const {
  const auto* taps = static_cast<const float*>(args.filter);
  const auto count = static_cast<std::size_t>(filter_count(problem_) * problem_.filter_len);
  std::memcpy(args.spectrum, taps, std::min(spectrum_bytes_, count * sizeof(float)));
  filter_store().put(args.spectrum, std::vector<float>(taps, taps + count));
  if (script_->trespass_spectrum) script_->trespass_spectrum(config_, args);
  return {};
}

Result<void> FakeKernel::convolve(const KernelArgs& args) const {
  if (!reads_filter(problem_)) return unsupported("The fake device computes no gradient of the filter.");
  const auto filter = filter_store().find(args.spectrum);
  if (!filter) return Error{ErrorCode::launch_failed, "No spectrum was made at this address: make one first."};
  KernelArgs with_taps = args;
  with_taps.filter = filter->data();
  for (std::int64_t b = 0; b < problem_.batch; ++b) {
    for (std::int64_t h = 0; h < problem_.channels; ++h) {
      std::vector<double> y = expected_row(problem_, load_inputs(problem_, with_taps, b, h));
      if (script_->distort) {
        for (double& value : y) value = script_->distort(config_, value);
      }
      store_row(problem_, args.y, b, h, y);
    }
  }
  if (script_->trespass) script_->trespass(config_, args);
  return {};
}

}  // namespace fftconv
