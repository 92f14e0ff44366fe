#include "cpu/scratch.h"

#include <sys/mman.h>

#include <cstdlib>

namespace fftconv {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kMost = std::size_t{1} << 40;  // nobody has more; below it sizes round up without wrapping
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Scratch::~Scratch() { std::free(data_); }

float* Scratch::at_least(std::size_t bytes) {
  if (bytes <= size_ && data_) return data_;
  if (bytes >= kMost) return nullptr;
  const bool huge = bytes >= kHugePage;
  const std::size_t unit = huge ? kHugePage : kLine;
  const std::size_t rounded = (bytes + unit - 1) / unit * unit;
  std::free(data_);
  data_ = static_cast<float*>(std::aligned_alloc(unit, rounded ? rounded : unit));
  size_ = data_ ? rounded : 0;
  // Strided passes touch many pages: with small ones the misses of the TLB cost more than the arithmetic.
  if (data_ && huge) madvise(data_, rounded, MADV_HUGEPAGE);
  return data_;
}

float* thread_scratch(std::size_t bytes) {
  thread_local Scratch scratch;
  return scratch.at_least(bytes);
}

}  // namespace fftconv
