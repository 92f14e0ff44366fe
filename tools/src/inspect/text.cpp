// source, ptx, sass: text of one candidate, as it is generated, compiled and assembled.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include "fftconv/nvrtc.h"
#include "files.h"
#include "inspect/commands.h"
#include "library.h"

namespace fftconv::tools {
namespace {

Result<KernelSource> emit_subject(const InspectOptions& options) {
  const auto subject = find_subject(options);
  if (!subject) return subject.error();
  return emit(subject->problem, subject->config, subject->target.facts);
}

Result<CompiledKernel> compile_subject(const InspectOptions& options, BinaryFormat format) {
  const auto source = emit_subject(options);
  if (!source) return source.error();
  if (source->config.engine == Engine::vector) {
    return invalid("a kernel of the CPU device has no PTX and no SASS; give --device cuda");
  }
  return nvrtc_compile(*source, source->arch, format);
}

int give(const InspectOptions& options, const Console& console, const std::string& text) {
  if (options.output.empty()) return finish(console, text);
  const auto written = write_file(options.output, text);
  return written ? 0 : console.fail(written.error());
}

/// Code sections alone, the tables of line numbers are left out. nvdisasm reads a file; it is gone when it has.
Result<std::string> disassemble(const CompiledKernel& kernel) {
  const auto program = find_program("nvdisasm");
  if (!program) {
    return Error{ErrorCode::dependency_missing,
                 "nvdisasm is neither in PATH nor in a CUDA Toolkit; install one, or NVIDIA's Python wheel "
                 "nvidia-cuda-nvdisasm "
                 "into the environment that FFTCONV_VENV names, to see machine code"};
  }
  std::string name = (std::filesystem::temp_directory_path() / "fftconv-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return Error{ErrorCode::io, fmt::format("no temporary file can be made in '{}'", name)};
  ::close(fd);
  auto text = write_file(name, kernel.binary);
  Result<std::string> listing =
      text ? run_program({program->string(), "--print-code", name}) : Result<std::string>(text.error());
  ::unlink(name.c_str());
  return listing;
}

}  // namespace

int show_source(const InspectOptions& options, const Console& console) {
  const auto source = emit_subject(options);
  return source ? give(options, console, source->text) : console.fail(source.error());
}

int show_ptx(const InspectOptions& options, const Console& console) {
  const auto kernel = compile_subject(options, BinaryFormat::ptx);
  if (!kernel) return console.fail(kernel.error());
  std::string text(reinterpret_cast<const char*>(kernel->binary.data()), kernel->binary.size());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  return give(options, console, text);
}

int show_sass(const InspectOptions& options, const Console& console) {
  const auto kernel = compile_subject(options, BinaryFormat::cubin);
  if (!kernel) return console.fail(kernel.error());
  const auto listing = disassemble(*kernel);
  return listing ? give(options, console, *listing) : console.fail(listing.error());
}

}  // namespace fftconv::tools
