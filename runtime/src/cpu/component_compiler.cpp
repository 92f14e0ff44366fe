// Clang in this process, from the LLVM component, and its JIT linker.
#include "cpu/host_compiler.h"

namespace fftconv {
namespace {

class ComponentCompiler : public HostCompiler {
 public:
  explicit ComponentCompiler(LlvmComponent& component) : component_(component) {}

  std::string version() const override { return "clang " + component_.version(); }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    ClangJob job;
    job.source = source.text;
    job.file_name = "fftconv_cpu.cpp";
    job.cpu = target_cpu(source.arch);
    job.arguments = source.options;
    // What any processor of this kind understands, in the order that suits this one.
    if (!job.cpu.empty()) job.arguments.insert(job.arguments.end(), {"-tune-cpu", component_.host_cpu()});
    Result<ClangOutput> output = component_.compile(job);
    if (!output) return output.error();
    CompiledKernel kernel;
    kernel.format = BinaryFormat::object;
    kernel.binary = std::move(output->object);
    kernel.compile_s = output->seconds;
    kernel.log = std::move(output->diagnostics);
    return kernel;
  }

  Result<std::unique_ptr<LinkedObject>> link(const KernelSource&, const CompiledKernel& kernel) override {
    if (kernel.format != BinaryFormat::object || kernel.binary.empty()) {
      return Error{ErrorCode::damaged,
                   "The binary is not a host object: compile the source on the CPU device again."};
    }
    return component_.link(kernel.binary, {});
  }

 private:
  LlvmComponent& component_;
};

}  // namespace

Result<std::unique_ptr<HostCompiler>> make_component_compiler() {
  Result<LlvmComponent*> component = llvm_component();
  if (!component) return component.error();
  return std::unique_ptr<HostCompiler>(std::make_unique<ComponentCompiler>(**component));
}

}  // namespace fftconv
