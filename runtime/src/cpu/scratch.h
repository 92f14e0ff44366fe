// Working memory, kept from call to call.
#pragma once

#include <cstddef>

namespace fftconv {

class Scratch {
 public:
  Scratch() = default;
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// At least `bytes` of memory, aligned to 64 bytes; its contents are whatever the last user left. Allocates only
  /// where more is needed than ever before. Null where the system refuses.
  float* at_least(std::size_t bytes);

 private:
  void release();

  float* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The same of the calling thread, freed with it.
float* thread_scratch(std::size_t bytes);

}  // namespace fftconv
