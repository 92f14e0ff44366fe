#include "pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace fftconv {
namespace {

constexpr std::size_t kMost = std::size_t{1} << 46;  // nobody has more; below it sizes round up without wrapping

}  // namespace

void* map_pages(std::size_t bytes) {
  if (bytes >= kMost) return nullptr;
  const std::size_t size = whole_pages(bytes);
  void* const mapped = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(mapped);
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(mapped) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  if (before < kHugePage) munmap(begin + before + size, kHugePage - before);
  madvise(begin + before, size, MADV_HUGEPAGE);
  return begin + before;
}

void unmap_pages(void* data, std::size_t bytes) {
  if (data) munmap(data, whole_pages(bytes));
}

}  // namespace fftconv
