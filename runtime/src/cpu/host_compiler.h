// What makes kernels for the CPU device, behind one interface.
#pragma once

#include <memory>
#include <string>

#include "fftconv/compiled_kernel.h"
#include "fftconv/kernel_source.h"
#include "fftconv/llvm_component.h"
#include "fftconv/result.h"

namespace fftconv {

/// Thread-safe.
class HostCompiler {
 public:
  virtual ~HostCompiler() = default;
  /// Part of the keys of trials and binaries, e.g. "clang 19.1.7".
  virtual std::string version() const = 0;
  /// Whether it compiles emitted text; else there is the portable kernel alone.
  virtual bool compiles() const { return true; }
  /// What is slower than it could be with this compiler and what to do about it; empty where nothing is.
  virtual std::string caveat() const { return {}; }
  virtual Result<CompiledKernel> compile(const KernelSource& source) = 0;
  /// The binary's entries, in this process. damaged where it is none of this compiler's.
  virtual Result<std::unique_ptr<LinkedObject>> link(const KernelSource& source, const CompiledKernel& kernel) = 0;
};

/// Clang in this process; dependency_missing where the LLVM component is not there.
Result<std::unique_ptr<HostCompiler>> make_component_compiler();

/// The clang at `path`, started for each kernel and ended after `seconds`. Errors say what is wrong with the file or
/// the program.
Result<std::unique_ptr<HostCompiler>> make_installed_compiler(const std::string& path, double seconds = 60);

/// No compiler: the kernel that was built with the library. `reason` says why there is none.
std::unique_ptr<HostCompiler> make_portable_compiler(const std::string& reason);

/// The installed compiler where the settings name one, else the LLVM component, else none.
Result<std::unique_ptr<HostCompiler>> choose_host_compiler();

/// The instruction set of an arch as -march and -target-cpu call it, not this very processor, so that a binary serves
/// all machines of the arch; empty for the host's own.
std::string target_cpu(const std::string& arch);

}  // namespace fftconv
