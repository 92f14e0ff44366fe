#include "cuda/nvrtc_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "fftconv/settings.h"

namespace fftconv::cuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCost =
    "without it no CUDA kernel can be compiled (CPU kernels are not concerned): install the CUDA Toolkit or NVIDIA's "
    "Python wheel nvidia-cuda-nvrtc, or set FFTCONV_NVRTC to the file";

/// Folders directly below `folder`, in the order of their names, newest version last.
std::vector<fs::path> folders_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    if (it->is_directory(ignored)) found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// NVRTC opens its built-ins by their bare name and trusts the loader to look in its own folder. Where something else
/// answers dlopen in the loader's place, as sanitizers do, nobody looks there: what is open already is found by name.
void open_builtins(const NvrtcLibrary& nvrtc) {
  const fs::path file = fs::path(nvrtc.file).parent_path() / ("libnvrtc-builtins.so." + nvrtc.version);
  std::error_code ignored;
  if (!file.has_parent_path() || !fs::exists(file, ignored)) return;
  const auto opened = DynamicLibrary::open_first({file.string()});
  (void)opened;  // where it cannot be opened NVRTC says so
}

Result<NvrtcLibrary> open_nvrtc(const std::string& chosen) {
  if (chosen == "off") {
    return Error{ErrorCode::dependency_missing,
                 fmt::format("NVRTC is turned off by the setting FFTCONV_NVRTC=off; {}", kCost)};
  }
  const auto names =
      chosen.empty() ? toolkit_candidates("nvrtc", "/usr/local", private_venv()) : std::vector<std::string>{chosen};
  auto opened = DynamicLibrary::open_first(names);
  if (!opened) {
    return Error{ErrorCode::dependency_missing,
                 chosen.empty() ? fmt::format("libnvrtc was not found by the loader, in /usr/local/cuda or in {}; {}",
                                              private_venv().string(), kCost)
                                : fmt::format("libnvrtc cannot be opened from FFTCONV_NVRTC ({}); {}",
                                              opened.error().message, kCost)};
  }
  NvrtcLibrary nvrtc;
  nvrtc.file = opened->name();
  NvrtcStatus (*version)(int*, int*) = nullptr;
  const bool complete =
      opened->bind(version, "nvrtcVersion") && opened->bind(nvrtc.error_string, "nvrtcGetErrorString") &&
      opened->bind(nvrtc.create_program, "nvrtcCreateProgram") &&
      opened->bind(nvrtc.destroy_program, "nvrtcDestroyProgram") &&
      opened->bind(nvrtc.compile_program, "nvrtcCompileProgram") &&
      opened->bind(nvrtc.log_size, "nvrtcGetProgramLogSize") && opened->bind(nvrtc.log, "nvrtcGetProgramLog") &&
      opened->bind(nvrtc.cubin_size, "nvrtcGetCUBINSize") && opened->bind(nvrtc.cubin, "nvrtcGetCUBIN") &&
      opened->bind(nvrtc.ptx_size, "nvrtcGetPTXSize") && opened->bind(nvrtc.ptx, "nvrtcGetPTX");
  int major = 0, minor = 0;
  if (!complete || version(&major, &minor) != nvrtc_success) {
    return Error{ErrorCode::dependency_missing,
                 fmt::format("{} is not an NVRTC of CUDA 11.1 or later; {}", nvrtc.file, kCost)};
  }
  nvrtc.version = fmt::format("{}.{}", major, minor);
  open_builtins(nvrtc);
  return nvrtc;
}

}  // namespace

std::vector<std::string> toolkit_candidates(const std::string& library, const fs::path& toolkit_root,
                                            const fs::path& venv) {
  std::vector<std::string> sonames;
  for (const char* suffix : {".so.13", ".so.12", ".so.11.2", ".so.11", ".so"})
    sonames.push_back("lib" + library + suffix);

  std::vector<fs::path> folders = {toolkit_root / "cuda/lib64", toolkit_root / "cuda/lib"};
  const std::vector<fs::path> toolkits = folders_below(toolkit_root);
  for (auto toolkit = toolkits.rbegin(); toolkit != toolkits.rend(); ++toolkit) {
    if (toolkit->filename().string().rfind("cuda", 0) != 0) continue;
    for (const fs::path& target : folders_below(*toolkit / "targets")) folders.push_back(target / "lib");
    folders.push_back(*toolkit / "lib64");
    folders.push_back(*toolkit / "lib");
  }
  for (const fs::path& python : folders_below(venv / "lib")) {
    for (const char* wheel : {"cu13", "cuda_nvrtc", "nvjitlink", "cufft"}) {
      folders.push_back(python / "site-packages/nvidia" / wheel / "lib");
    }
  }

  std::vector<std::string> names = sonames;  // a bare name goes to the loader's own path
  std::error_code ignored;
  for (const fs::path& folder : folders) {
    for (const std::string& soname : sonames) {
      if (fs::exists(folder / soname, ignored)) names.push_back((folder / soname).string());
    }
  }
  return names;
}

Result<const NvrtcLibrary*> nvrtc_library() {
  static std::mutex mutex;
  static std::map<std::string, Result<NvrtcLibrary>> opened;  // never erased: callers hold addresses
  const std::string key = settings().nvrtc + "\n" + settings().venv;
  const std::lock_guard lock(mutex);
  auto found = opened.find(key);
  if (found == opened.end()) found = opened.emplace(key, open_nvrtc(settings().nvrtc)).first;
  if (!found->second) return found->second.error();
  return &found->second.value();
}

}  // namespace fftconv::cuda
