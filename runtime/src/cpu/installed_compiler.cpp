// A clang that is installed on this machine, started for each kernel; its shared objects are loaded into the process.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "cpu/child_program.h"
#include "cpu/host_compiler.h"
#include "cpu/shared_code.h"
#include "cpu/work_folder.h"

namespace fftconv {
namespace {

constexpr int kLeastVersion = 16;
constexpr std::size_t kMostBinary = std::size_t{64} << 20;

/// The first lines of what a compiler printed: enough to see what is wrong.
std::string first_lines(const std::string& text) {
  constexpr int most = 8;
  std::size_t end = 0;
  for (int line = 0; line < most && end != std::string::npos; ++line) end = text.find('\n', end + (line > 0));
  return text.substr(0, std::min(end, std::size_t{2000}));
}

/// "clang 19.1.7" from "Debian clang version 19.1.7 (3)"; empty where the text is not clang's.
std::string clang_version(const std::string& said) {
  constexpr std::string_view name = "clang version ";
  const std::string line = said.substr(0, said.find('\n'));
  const auto at = line.find(name);
  if (at == std::string::npos) return {};
  const std::string rest = line.substr(at + name.size());
  return "clang " + rest.substr(0, rest.find(' '));
}

int major_of(const std::string& version) {
  int major = 0;
  const auto digits = version.find_first_of("0123456789");
  if (digits != std::string::npos) std::from_chars(version.data() + digits, version.data() + version.size(), major);
  return major;
}

class InstalledCompiler : public HostCompiler {
 public:
  InstalledCompiler(std::string path, std::string version, double seconds)
      : path_(std::move(path)), version_(std::move(version)), seconds_(seconds) {}

  std::string version() const override { return "installed " + version_; }
  std::string caveat() const override {
    return fmt::format("kernels are compiled by {} ({}), a process for each: in this process it takes less time",
                       path_, version_);
  }

  Result<CompiledKernel> compile(const KernelSource& source) override {
    Result<WorkFolder> folder = WorkFolder::make();
    if (!folder) return folder.error();
    const std::string text = folder->file("kernel.cpp"), binary = folder->file("kernel.so");
    if (Result<void> written = folder->write("kernel.cpp", source.text); !written) return written.error();
    std::vector<std::string> arguments{
        path_,       "-x",        "c++",       "-std=c++20",      "-shared",         "-fPIC",
        "-nostdlib", "-nostdinc", "-fno-rtti", "-fno-exceptions", "-ferror-limit=8", "-Wno-psabi"};
    if (const std::string cpu = target_cpu(source.arch); !cpu.empty()) {
      arguments.insert(arguments.end(), {"-march=" + cpu, "-mtune=native"});
    }
    arguments.insert(arguments.end(), source.options.begin(), source.options.end());
    arguments.insert(arguments.end(), {"-o", binary, text});
    const auto begin = std::chrono::steady_clock::now();
    const Result<ProgramEnd> end = run_program(arguments, seconds_);
    if (!end) return end.error();
    if (end->status != 0) {
      return Error{ErrorCode::compile_failed, fmt::format("{} {}, compiling {}:\n{}", path_, end->how,
                                                          to_string(source.config), first_lines(end->output))};
    }
    Result<std::vector<std::byte>> bytes = folder->read("kernel.so", kMostBinary);
    if (!bytes) {
      return Error{ErrorCode::compile_failed,
                   fmt::format("{} ended well and left no kernel: {}", path_, bytes.error().message)};
    }
    if (!is_shared_object(*bytes)) {
      return Error{
          ErrorCode::compile_failed,
          fmt::format("{} left {} bytes that are no shared object of this machine: give a clang++ of version "
                      "{} or later.",
                      path_, bytes->size(), kLeastVersion)};
    }
    CompiledKernel kernel;
    kernel.format = BinaryFormat::shared_object;
    kernel.binary = std::move(*bytes);
    kernel.compile_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    kernel.log = first_lines(end->output);
    return kernel;
  }

  Result<std::unique_ptr<LinkedObject>> link(const KernelSource&, const CompiledKernel& kernel) override {
    if (kernel.format != BinaryFormat::shared_object || !is_shared_object(kernel.binary)) {
      return Error{ErrorCode::damaged,
                   "The binary is no shared object of this machine: compile the source on the CPU device again."};
    }
    return load_shared_code(kernel.binary);
  }

 private:
  std::string path_, version_;
  double seconds_;  ///< that one compilation may take
};

}  // namespace

Result<std::unique_ptr<HostCompiler>> make_installed_compiler(const std::string& path, double seconds) {
  if (Result<void> safe = check_program(path); !safe) return safe.error();
  const Result<ProgramEnd> said = run_program({path, "--version"}, seconds);
  if (!said) return said.error();
  const std::string version = clang_version(said->output);
  if (said->status != 0 || version.empty()) {
    return invalid(fmt::format(
        "{} --version {} and does not call itself clang ('{}'): kernels use builtins that clang "
        "alone has, give a clang++ of version {} or later as FFTCONV_HOST_COMPILER.",
        path, said->how, said->output.substr(0, std::min(said->output.find('\n'), std::size_t{100})), kLeastVersion));
  }
  if (major_of(version) < kLeastVersion) {
    return invalid(fmt::format("{} is {}: kernels need clang {} or later, give that as FFTCONV_HOST_COMPILER.", path,
                               version, kLeastVersion));
  }
  return std::unique_ptr<HostCompiler>(std::make_unique<InstalledCompiler>(path, version, seconds));
}

}  // namespace fftconv
