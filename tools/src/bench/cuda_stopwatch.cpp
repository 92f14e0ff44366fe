#include "bench/contender.h"
#include "bench/cuda_driver.h"

namespace fftconv::tools {
namespace {

class CudaStopwatch : public Stopwatch {
 public:
  CudaStopwatch(std::shared_ptr<CudaDriver> driver, CudaMemory evictor, std::size_t bytes)
      : driver_(std::move(driver)), evictor_(std::move(evictor)), bytes_(bytes) {}

  ~CudaStopwatch() override {
    if (start_ != nullptr) driver_->event_destroy(start_);
    if (stop_ != nullptr) driver_->event_destroy(stop_);
  }

  Result<void> prepare() {
    if (auto done = cuda_check(driver_->event_create(&start_, 0), "cuEventCreate"); !done) return done;
    return cuda_check(driver_->event_create(&stop_, 0), "cuEventCreate");
  }

  Result<double> time(Contender& contender, bool cold) override {
    if (cold) {
      if (auto done =
              cuda_check(driver_->memory_set(evictor_.address(), ++value_, bytes_, nullptr), "cuMemsetD8Async");
          !done) {
        return done.error();
      }
    }
    if (auto done = cuda_check(driver_->event_record(start_, nullptr), "cuEventRecord"); !done) return done.error();
    if (auto done = contender.run(); !done) return done.error();
    if (auto done = cuda_check(driver_->event_record(stop_, nullptr), "cuEventRecord"); !done) return done.error();
    if (auto done = cuda_check(driver_->event_synchronize(stop_), "cuEventSynchronize"); !done) return done.error();
    float milliseconds = 0;
    if (auto done = cuda_check(driver_->event_elapsed(&milliseconds, start_, stop_), "cuEventElapsedTime"); !done) {
      return done.error();
    }
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  std::shared_ptr<CudaDriver> driver_;
  CudaMemory evictor_;
  std::size_t bytes_;
  CudaEvent start_ = nullptr, stop_ = nullptr;
  unsigned char value_ = 0;
};

}  // namespace

Result<std::unique_ptr<Stopwatch>> make_cuda_stopwatch(int ordinal, std::int64_t l2_bytes) {
  auto driver = CudaDriver::open(ordinal);
  if (!driver) return driver.error();
  const auto bytes = static_cast<std::size_t>(2 * l2_bytes);
  auto evictor = CudaMemory::allocate(*driver, bytes);
  if (!evictor) return evictor.error();
  auto watch = std::make_unique<CudaStopwatch>(*driver, std::move(*evictor), bytes);
  if (auto ready = watch->prepare(); !ready) return ready.error();
  return std::unique_ptr<Stopwatch>(std::move(watch));
}

}  // namespace fftconv::tools
