// Shared objects in memory, loaded into this process.
#pragma once

#include <memory>
#include <vector>

#include "fftconv/llvm_component.h"

namespace fftconv {

/// Whether the bytes are a whole 64-bit ELF shared object of this processor's kind, as far as its segments tell.
bool is_shared_object(const std::vector<std::byte>& binary);

/// Errors: damaged where the loader refuses it, io.
Result<std::unique_ptr<LinkedObject>> load_shared_code(const std::vector<std::byte>& binary);

}  // namespace fftconv
