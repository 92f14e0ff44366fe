// No compiler: sources that describe a portable kernel become a mark, and a mark becomes the kernel's entries.
#include <fmt/format.h>

#include <cstring>

#include "cpu/host_compiler.h"
#include "cpu/portable/instances.h"
#include "fftconv/portable_shape.h"

namespace fftconv {
namespace {

constexpr int kVersion = 1;  ///< of the portable kernel: a change retires what was measured with it before

class PortableObject : public LinkedObject {
 public:
  PortableObject(const KernelSource& source, const PortableFunctions& functions)
      : convolution_(source.convolution.name), spectrum_(source.spectrum.name), functions_(functions) {}

  void* symbol(const std::string& name) const override {
    const PortableFunction function = name == convolution_ ? functions_.convolve
                                      : name == spectrum_  ? functions_.transform_filters
                                                           : nullptr;
    return reinterpret_cast<void*>(function);
  }

 private:
  std::string convolution_, spectrum_;
  PortableFunctions functions_;
};

const PortableFunctions* functions_of(int lanes) {
#if defined(__x86_64__)
  if (lanes == 16) return &portable_16;
  if (lanes == 8) return &portable_8;
#endif
  return lanes == 4 ? &portable_4 : nullptr;
}

class PortableCompiler : public HostCompiler {
 public:
  explicit PortableCompiler(std::string reason) : reason_(std::move(reason)) {}

  std::string version() const override { return fmt::format("portable {}, built by {}", kVersion, kBuilder); }
  bool compiles() const override { return false; }
  std::string caveat() const override {
    return fmt::format(
        "portable kernel: {}; kernels compiled for the problem were 1.1 to 1.9 times as fast where both were "
        "measured",
        reason_);
  }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    if (source.config.compiler != CompilerId::none) {
      return Error{ErrorCode::dependency_missing,
                   fmt::format("There is nothing that compiles {}: {}.", to_string(source.config), reason_)};
    }
    CompiledKernel kernel;
    kernel.format = BinaryFormat::portable;
    kernel.binary.resize(std::strlen(portable_mark));
    std::memcpy(kernel.binary.data(), portable_mark, kernel.binary.size());
    return kernel;
  }

  Result<std::unique_ptr<LinkedObject>> link(const KernelSource& source, const CompiledKernel& kernel) override {
    const bool marked = kernel.binary.size() == std::strlen(portable_mark) &&
                        std::memcmp(kernel.binary.data(), portable_mark, kernel.binary.size()) == 0;
    PortableShape shape;
    if (kernel.format != BinaryFormat::portable || !marked || source.config.compiler != CompilerId::none ||
        source.tables.size() < sizeof shape) {
      return Error{ErrorCode::damaged, "The binary is not the portable kernel's: compile the source again."};
    }
    std::memcpy(&shape, source.tables.data(), sizeof shape);
    const PortableFunctions* functions = functions_of(shape.lanes);
    if (!functions) {
      return unsupported(fmt::format("The portable kernel was not built for {} lanes: use 4.", shape.lanes));
    }
    return std::unique_ptr<LinkedObject>(std::make_unique<PortableObject>(source, *functions));
  }

 private:
#if defined(__clang__)
  static constexpr const char* kBuilder = __VERSION__;
#else
  static constexpr const char* kBuilder = "gcc " __VERSION__;
#endif
  std::string reason_;
};

}  // namespace

std::unique_ptr<HostCompiler> make_portable_compiler(const std::string& reason) {
  return std::make_unique<PortableCompiler>(reason);
}

}  // namespace fftconv
