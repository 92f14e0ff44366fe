#include "fftconv/nvrtc.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "cuda/compile_log.h"
#include "cuda/nvrtc_library.h"

namespace fftconv {
namespace {

using cuda::NvrtcLibrary;
using cuda::NvrtcProgram;
using cuda::NvrtcStatus;

/// "sm_90a" for machine code, "compute_90a" for PTX.
std::string architecture_option(const std::string& arch, BinaryFormat format) {
  const std::string number = arch.rfind("sm_", 0) == 0 ? arch.substr(3) : arch;
  return fmt::format("--gpu-architecture={}_{}", format == BinaryFormat::ptx ? "compute" : "sm", number);
}

std::vector<std::string> options_of(const KernelSource& source, const std::string& arch, BinaryFormat format) {
  // Without -modify-stack-limit=false NVRTC calls setrlimit in the application's process.
  std::vector<std::string> options = {architecture_option(arch, format), "--std=c++20", "-modify-stack-limit=false",
                                      "-lineinfo", "--ptxas-options=-v"};
  if (format == BinaryFormat::ptx) options.pop_back();  // ptxas does not run
  for (const std::string& option : source.options) {
    const bool chosen_here = option.rfind("--gpu-architecture", 0) == 0 || option.rfind("-arch", 0) == 0;
    if (!chosen_here && std::find(options.begin(), options.end(), option) == options.end()) options.push_back(option);
  }
  return options;
}

std::string text_of(const NvrtcLibrary& nvrtc, NvrtcProgram program) {
  std::size_t size = 0;
  if (nvrtc.log_size(program, &size) != cuda::nvrtc_success || size == 0) return {};
  std::string text(size, '\0');
  if (nvrtc.log(program, text.data()) != cuda::nvrtc_success) return {};
  text.resize(text.find('\0') == std::string::npos ? text.size() : text.find('\0'));
  return text;
}

std::string source_line(const std::string& text, int number) {
  std::size_t begin = 0;
  for (int line = 1; line < number && begin != std::string::npos; ++line) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos) ++begin;
  }
  if (number <= 0 || begin == std::string::npos) return {};
  return text.substr(begin, text.find('\n', begin) - begin);
}

Error compile_error(const NvrtcLibrary& nvrtc, const KernelSource& source, const std::string& arch,
                    NvrtcStatus status, const std::string& log) {
  const cuda::LogError first = cuda::first_error(log);
  std::string message = fmt::format("NVRTC {} cannot compile {} for {}: ", nvrtc.version,
                                    source.convolution.name.empty() ? "the kernel" : source.convolution.name, arch);
  if (first.text.empty()) {
    message += nvrtc.error_string(status);
    if (!log.empty()) message += ": " + log.substr(0, log.find('\n'));
  } else if (first.line > 0) {
    message += fmt::format("line {}: {} [{}]", first.line, first.text, source_line(source.text, first.line));
  } else {
    message += first.text;
  }
  return {ErrorCode::compile_failed, message};
}

/// Registers and spills of the convolution entry; of the only entry where its name is not in the log.
void fill_usage(CompiledKernel& kernel, const std::string& entry_name) {
  const auto entries = cuda::parse_entry_usage(kernel.log);
  auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == entry_name; });
  if (entry == entries.end() && entries.size() == 1) entry = entries.begin();
  if (entry == entries.end()) return;
  kernel.registers = entry->registers;
  kernel.spill_bytes = entry->spill_stores + entry->spill_loads;
  kernel.static_shared_bytes = entry->shared_bytes;
}

}  // namespace

Result<std::string> nvrtc_version() {
  const auto nvrtc = cuda::nvrtc_library();
  if (!nvrtc) return nvrtc.error();
  return (*nvrtc)->version;
}

Result<CompiledKernel> nvrtc_compile(const KernelSource& source, const std::string& arch, BinaryFormat format) {
  if (format == BinaryFormat::object) return invalid("NVRTC makes cubin or ptx, not host objects.");
  const auto library = cuda::nvrtc_library();
  if (!library) return library.error();
  const NvrtcLibrary& nvrtc = **library;

  const auto start = std::chrono::steady_clock::now();
  NvrtcProgram raw = nullptr;
  NvrtcStatus status = nvrtc.create_program(&raw, source.text.c_str(), "kernel.cu", 0, nullptr, nullptr);
  if (status != cuda::nvrtc_success) {
    return Error{ErrorCode::compile_failed,
                 fmt::format("NVRTC {} refused the program: {}", nvrtc.version, nvrtc.error_string(status))};
  }
  const auto destroy = [&](NvrtcProgram program) { nvrtc.destroy_program(&program); };
  const std::unique_ptr<cuda::NvrtcProgramTag, decltype(destroy)> program(raw, destroy);

  const std::vector<std::string> options = options_of(source, arch, format);
  std::vector<const char*> pointers;
  for (const std::string& option : options) pointers.push_back(option.c_str());
  status = nvrtc.compile_program(program.get(), static_cast<int>(pointers.size()), pointers.data());

  CompiledKernel kernel;
  kernel.format = format;
  kernel.log = text_of(nvrtc, program.get());
  if (status != cuda::nvrtc_success) return compile_error(nvrtc, source, arch, status, kernel.log);

  const bool ptx = format == BinaryFormat::ptx;
  std::size_t size = 0;
  status = (ptx ? nvrtc.ptx_size : nvrtc.cubin_size)(program.get(), &size);
  if (status == cuda::nvrtc_success) {
    kernel.binary.resize(size);
    status = (ptx ? nvrtc.ptx : nvrtc.cubin)(program.get(), reinterpret_cast<char*>(kernel.binary.data()));
  }
  if (status != cuda::nvrtc_success || size == 0) return compile_error(nvrtc, source, arch, status, kernel.log);
  kernel.compile_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fill_usage(kernel, source.convolution.name);
  return kernel;
}

}  // namespace fftconv
