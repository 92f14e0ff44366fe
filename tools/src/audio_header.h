// Whether an uncompressed audio file holds all that its header promises. libsndfile reads what is there of a
// truncated file without a word, so this is asked first.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace fftconv::tools {

/// Bytes that are missing at the end of a WAV, RF64, W64, AIFF, CAF or AU file; nothing where none are, or where the
/// file is of another kind or was written to a pipe (its length is not known then).
std::optional<std::size_t> missing_bytes(std::span<const std::byte> bytes);

}  // namespace fftconv::tools
