#include "cuda/dynamic_library.h"

#include <dlfcn.h>

namespace fftconv::cuda {

Result<DynamicLibrary> DynamicLibrary::open_first(const std::vector<std::string>& names) {
  std::string said = "no name to look for";
  for (const std::string& name : names) {
    if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return DynamicLibrary(handle, name);
    if (const char* text = dlerror()) said = text;
  }
  return Error{ErrorCode::dependency_missing, said};
}

void* DynamicLibrary::raw_symbol(const char* symbol) const { return dlsym(handle_, symbol); }

}  // namespace fftconv::cuda
