// Which file system a file lies on: some are shared between hosts, and SQLite's memory between processes is not.
#pragma once

#include <cstdint>
#include <filesystem>

#include "fftconv/result.h"

namespace fftconv {

/// Type of the file system that `file` lies on, as statfs(2) gives it (`f_type`, "magic"). Errors: io.
Result<std::uint32_t> file_system_type(const std::filesystem::path& file);

/// Name of a file system that several hosts may have mounted at once, or that hides what lies under it (FUSE); null
/// for all others, which are taken for local ones.
const char* shared_file_system(std::uint32_t type);

}  // namespace fftconv
