#include "cpu/scratch.h"

#include <cstdlib>

#include "pages.h"

namespace fftconv {
Scratch::~Scratch() { release(); }

void Scratch::release() {
  if (size_ >= kHugePage) {
    unmap_pages(data_, size_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  size_ = 0;
}

float* Scratch::at_least(std::size_t bytes) {
  if (bytes <= size_ && data_) return data_;
  release();
  const std::size_t rounded = bytes < kHugePage ? bytes / kPage * kPage + kPage : bytes;
  data_ = static_cast<float*>(rounded < kHugePage ? std::aligned_alloc(kPage, rounded) : map_pages(rounded));
  size_ = data_ ? rounded : 0;
  return data_;
}

float* thread_scratch(std::size_t bytes) {
  thread_local Scratch scratch;
  return scratch.at_least(bytes);
}

}  // namespace fftconv
