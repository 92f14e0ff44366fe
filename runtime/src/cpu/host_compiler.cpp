#include "cpu/host_compiler.h"

#include "fftconv/settings.h"

namespace fftconv {

std::string target_cpu(const std::string& arch) {
  if (arch == "x86-64-avx512") return "x86-64-v4";
  if (arch == "x86-64-avx2") return "x86-64-v3";
  if (arch == "x86-64") return "x86-64";
  return {};
}

Result<std::unique_ptr<HostCompiler>> choose_host_compiler() {
  // What somebody asked for by name is used or refused, never replaced.
  if (!settings().host_compiler.empty()) return make_installed_compiler(settings().host_compiler);
  Result<std::unique_ptr<HostCompiler>> component = make_component_compiler();
  if (component || component.error().code != ErrorCode::dependency_missing) return component;
  return make_portable_compiler(component.error().message);
}

}  // namespace fftconv
