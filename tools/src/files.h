// Whole files: read with a sentence for each way to fail, written so that nothing is lost.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fftconv/result.h"

namespace fftconv::tools {

/// All bytes of a file. Errors: invalid_argument (no such file, a folder), io.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

/// Replaces `path` by `data` as a whole: a temporary file in the same folder, fsync, rename. A failure (io: full
/// disk, no permission …) leaves what was there untouched. What is not a regular file (a pipe, /dev/stdout) is
/// written to directly. A symbolic link keeps pointing where it points.
Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> data);
Result<void> write_file(const std::filesystem::path& path, std::string_view text);

/// Lower-case extension without the dot: "wav" of "a/B.WAV".
std::string extension(const std::filesystem::path& path);

/// 'name' in quotes, for messages.
std::string quoted(const std::filesystem::path& path);

}  // namespace fftconv::tools
