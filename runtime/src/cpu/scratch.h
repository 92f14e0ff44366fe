// Working memory of a thread, kept from call to call.
#pragma once

#include <cstddef>

namespace fftconv {

/// At least `bytes` of memory of the calling thread, aligned to 64 bytes; its contents are whatever the last user
/// left. Allocates only where a thread needs more than ever before; freed with the thread. Null where the system
/// refuses.
float* thread_scratch(std::size_t bytes);

}  // namespace fftconv
