#include "cpu/scratch.h"

#include <algorithm>

#include "pages.h"

namespace fftconv {
Scratch::~Scratch() { release(); }

void Scratch::release() {
  unmap_pages(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

float* Scratch::at_least(std::size_t bytes) {
  if (bytes <= size_ && data_) return data_;
  release();
  // Even a small one in a huge page: which small pages the system gives decides what shares a set of the cache, so
  // that the same kernel would be fast for one thread and slow for the next.
  const std::size_t whole = whole_pages(std::max<std::size_t>(bytes, 1));
  data_ = static_cast<float*>(map_pages(whole));
  size_ = data_ ? whole : 0;
  return data_;
}

float* thread_scratch(std::size_t bytes) {
  thread_local Scratch scratch;
  return scratch.at_least(bytes);
}

}  // namespace fftconv
