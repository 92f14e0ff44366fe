#include <chrono>
#include <cstring>

#include "bench/contender.h"

namespace fftconv::tools {
namespace {

class HostStopwatch : public Stopwatch {
 public:
  explicit HostStopwatch(std::int64_t cache_bytes) : cache_bytes_(cache_bytes) {}

  Result<double> time(Contender& contender, bool cold) override {
    if (cold) {
      evictor_.resize(static_cast<std::size_t>(2 * cache_bytes_));
      std::memset(evictor_.data(), ++value_, evictor_.size());
    }
    const auto start = std::chrono::steady_clock::now();
    auto done = contender.run();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (!done) return done.error();
    return contender.seconds().value_or(elapsed.count());
  }

 private:
  std::int64_t cache_bytes_;
  std::vector<unsigned char> evictor_;
  unsigned char value_ = 0;
};

}  // namespace

std::unique_ptr<Stopwatch> make_host_stopwatch(std::int64_t cache_bytes) {
  return std::make_unique<HostStopwatch>(cache_bytes);
}

}  // namespace fftconv::tools
