// What a file is, by its first bytes and not by its name.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace fftconv::tools {

/// What a file's first bytes show it to be, for messages: "a NumPy array", "a PNG image" …; empty where unknown.
std::string describe_bytes(std::span<const std::byte> bytes);

}  // namespace fftconv::tools
