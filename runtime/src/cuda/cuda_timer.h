// Times single launches with events, from a cold or a warm L2.
#pragma once

#include <memory>
#include <mutex>

#include "cuda/cuda_context.h"
#include "cuda/nvml.h"
#include "cuda/throttling.h"
#include "fftconv/device.h"

namespace fftconv::cuda {

class CudaTimer {
 public:
  /// `nvml` may be null: samples then carry no clock and none is called throttled. Of the facts: the size of the L2,
  /// and the highest clock by the driver's attributes, which is the reference where NVML does not tell it.
  CudaTimer(std::shared_ptr<const CudaContext> context, const Nvml* nvml, const DeviceFacts& facts);
  ~CudaTimer();
  CudaTimer(const CudaTimer&) = delete;
  CudaTimer& operator=(const CudaTimer&) = delete;

  /// As Device::sample(). One launch at a time: calls from several threads wait for each other.
  Result<Sample> sample(const LoadedKernel& kernel, const KernelEntry& entry, const KernelArgs& args, bool cold,
                        const KernelArgs* warm);

 private:
  Result<void> prepare();
  Result<void> flush() const;
  Result<void> wake_up() const;
  void look_at_card();

  std::shared_ptr<const CudaContext> context_;
  const Nvml* nvml_;
  std::int64_t flush_bytes_;
  std::mutex mutex_;
  CuStream stream_ = nullptr;
  CuEvent begin_ = nullptr;
  CuEvent end_ = nullptr;
  CuAddress flush_buffer_ = 0;
  bool ready_ = false;
  CardState card_;
};

}  // namespace fftconv::cuda
