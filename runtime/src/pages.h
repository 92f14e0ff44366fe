// Large memory straight from the system, in huge pages where it has them.
#pragma once

#include <cstddef>

namespace fftconv {

/// From here on memory is worth a mapping of its own. malloc() gives large blocks back from its heap, in small pages
/// that stay small: strided passes touch many pages at a time, and misses of the TLB then cost more than arithmetic.
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Smaller memory starts on a page: whether a load seems to a processor to touch what was just stored depends on the
/// place within a page, so that a kernel would be fast in one process and slow in the next.
inline constexpr std::size_t kPage = 4096;

/// `bytes` rounded up to huge pages.
constexpr std::size_t whole_pages(std::size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

/// `bytes` of zeros, aligned to kHugePage; null where the system refuses.
void* map_pages(std::size_t bytes);
/// What map_pages(bytes) gave.
void unmap_pages(void* data, std::size_t bytes);

}  // namespace fftconv
