// libnvrtc: where it is looked for, and the functions of it that are used.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "cuda/dynamic_library.h"

namespace fftconv::cuda {

// Prototypes as NVRTC's documentation gives them, so that no CUDA header is needed to build.
struct NvrtcProgramTag;
using NvrtcProgram = NvrtcProgramTag*;
enum NvrtcStatus : int { nvrtc_success = 0, nvrtc_error_compilation = 6 };

struct NvrtcLibrary {
  std::string file;     ///< what was opened
  std::string version;  ///< "13.0"

  const char* (*error_string)(NvrtcStatus) = nullptr;
  NvrtcStatus (*create_program)(NvrtcProgram*, const char* text, const char* name, int header_count,
                                const char* const* headers, const char* const* header_names) = nullptr;
  NvrtcStatus (*destroy_program)(NvrtcProgram*) = nullptr;
  NvrtcStatus (*compile_program)(NvrtcProgram, int option_count, const char* const* options) = nullptr;
  NvrtcStatus (*log_size)(NvrtcProgram, std::size_t*) = nullptr;
  NvrtcStatus (*log)(NvrtcProgram, char*) = nullptr;
  NvrtcStatus (*cubin_size)(NvrtcProgram, std::size_t*) = nullptr;
  NvrtcStatus (*cubin)(NvrtcProgram, char*) = nullptr;
  NvrtcStatus (*ptx_size)(NvrtcProgram, std::size_t*) = nullptr;
  NvrtcStatus (*ptx)(NvrtcProgram, char*) = nullptr;
};

/// Names and files to try for a CUDA library such as "nvrtc" or "nvJitLink", in order: the loader's path, the
/// toolkit's folders, NVIDIA's Python wheels below `venv` (a private virtual environment).
std::vector<std::string> toolkit_candidates(const std::string& library, const std::filesystem::path& toolkit_root,
                                            const std::filesystem::path& venv);

/// Opened once for each value of settings().nvrtc; "off" hides it.
Result<const NvrtcLibrary*> nvrtc_library();

}  // namespace fftconv::cuda
