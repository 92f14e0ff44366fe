// Whether an uncompressed audio file holds all that its header promises. libsndfile reads what is there of a
// truncated file without a word, so this is asked first.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace fftconv::tools {

/// What a file's first bytes show it to be, for messages: "a NumPy array", "a PNG image" …; empty where unknown.
std::string describe_bytes(std::span<const std::byte> bytes);

/// Bytes that are missing at the end of a WAV, RF64, W64, AIFF, CAF or AU file; nothing where none are, or where the
/// file is of another kind or was written to a pipe (its length is not known then).
std::optional<std::size_t> missing_bytes(std::span<const std::byte> bytes);

}  // namespace fftconv::tools
