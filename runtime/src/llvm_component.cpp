#include "fftconv/llvm_component.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <filesystem>

#include "fftconv/settings.h"
#include "llvm_component_abi.h"

// AddressSanitizer refuses RTLD_DEEPBIND: its interceptors would be bypassed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FFTCONV_DEEPBIND 0
#else
#define FFTCONV_DEEPBIND RTLD_DEEPBIND
#endif

namespace fftconv {
namespace {

constexpr const char* library_name = "libfftconv_llvm.so";
constexpr const char* what_it_costs =
    "without it the CPU device has its portable kernel alone and the simulated device is missing";

void append_text(void* user, const char* data, std::size_t size) {
  static_cast<std::string*>(user)->append(data, size);
}

void append_bytes(void* user, const char* data, std::size_t size) {
  auto& bytes = *static_cast<std::vector<std::byte>*>(user);
  const auto* first = reinterpret_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

void append_kernel(void* user, const fftconv_cubin_kernel* kernel) {
  CubinKernel entry{.name = kernel->name,
                    .registers = kernel->registers,
                    .frame_bytes = kernel->frame_bytes,
                    .stack_bytes = kernel->stack_bytes,
                    .shared_bytes = kernel->shared_bytes,
                    .code = {kernel->code, kernel->code + kernel->code_count},
                    .loops = {}};
  for (std::size_t i = 0; i < kernel->loop_count; ++i) {
    entry.loops.push_back({kernel->loops[i].first, kernel->loops[i].last});
  }
  static_cast<std::vector<CubinKernel>*>(user)->push_back(std::move(entry));
}

class Linked final : public LinkedObject {
 public:
  Linked(const fftconv_llvm_functions& functions, void* handle) : functions_(functions), handle_(handle) {}
  ~Linked() override { functions_.unlink(handle_); }
  Linked(const Linked&) = delete;
  Linked& operator=(const Linked&) = delete;
  void* symbol(const std::string& name) const override { return functions_.symbol(handle_, name.c_str()); }

 private:
  const fftconv_llvm_functions& functions_;
  void* handle_;
};

class Component final : public LlvmComponent {
 public:
  explicit Component(const fftconv_llvm_functions& functions) : functions_(functions) {}

  std::string version() const override { return functions_.version; }
  std::string host_cpu() const override { return functions_.host_cpu; }
  bool host_has(const std::string& feature) const override { return functions_.host_has(feature.c_str()) != 0; }

  Result<ClangOutput> compile(const ClangJob& job) override {
    std::vector<const char*> arguments;
    for (const std::string& argument : job.arguments) arguments.push_back(argument.c_str());
    const std::string file_name = job.file_name.empty() ? "source" : job.file_name;
    const fftconv_clang_job request = {job.source.c_str(), job.source.size(), file_name.c_str(), job.triple.c_str(),
                                       job.cpu.c_str(),    arguments.data(),  arguments.size(),  job.debug_lines};
    ClangOutput output;
    timespec begin{}, end{};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    const int status = functions_.compile(&request, append_bytes, &output.object, append_text, &output.diagnostics);
    clock_gettime(CLOCK_MONOTONIC, &end);
    output.seconds =
        static_cast<double>(end.tv_sec - begin.tv_sec) + 1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
    if (status != 0) {
      return Error{ErrorCode::compile_failed, "clang refused " + file_name + ":\n" + output.diagnostics};
    }
    return output;
  }

  Result<std::unique_ptr<LinkedObject>> link(const std::vector<std::byte>& object,
                                             const std::vector<std::pair<std::string, void*>>& helpers) override {
    std::vector<fftconv_symbol> symbols;
    for (const auto& [name, address] : helpers) symbols.push_back({name.c_str(), address});
    void* handle = nullptr;
    std::string error;
    if (functions_.link(reinterpret_cast<const char*>(object.data()), object.size(), symbols.data(), symbols.size(),
                        &handle, append_text, &error) != 0) {
      return Error{ErrorCode::compile_failed, "the object could not be linked into this process: " + error};
    }
    return std::unique_ptr<LinkedObject>(std::make_unique<Linked>(functions_, handle));
  }

  Result<std::vector<CubinKernel>> read_cubin(const std::vector<std::byte>& cubin) override {
    std::vector<CubinKernel> kernels;
    std::string error;
    if (functions_.read_cubin(reinterpret_cast<const char*>(cubin.data()), cubin.size(), append_kernel, &kernels,
                              append_text, &error) != 0) {
      return Error{ErrorCode::damaged, "the cubin could not be read: " + error};
    }
    return kernels;
  }

 private:
  const fftconv_llvm_functions& functions_;
};

std::filesystem::path executable_directory() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::filesystem::path(std::string(path, static_cast<std::size_t>(length))).parent_path()
                    : std::filesystem::path();
}

std::vector<std::filesystem::path> places() {
  const std::string& chosen = settings().llvm_component;
  if (!chosen.empty()) return {chosen};
  const std::filesystem::path here = executable_directory();
  // The bare name goes to the loader: the program's run path (the installed package sets it), then the system's.
  return {here / library_name, here / ".." / "lib" / library_name, library_name};
}

Error missing(const std::string& why) {
  return {ErrorCode::dependency_missing,
          "the LLVM component " + why + "; " + what_it_costs +
              ": install LLVM 19 and clang 19 (libllvm19, libclang-cpp19), build with -DFFTCONV_LLVM=ON, or name the "
              "file in FFTCONV_LLVM"};
}

Result<LlvmComponent*> open_component() {
  if (settings().llvm_component == "off") return missing("is switched off by FFTCONV_LLVM=off");
  std::string tried;
  for (const std::filesystem::path& place : places()) {
    // A bare name goes to the loader: the run path of the program and the system's folders.
    const bool bare = !place.has_parent_path();
    std::error_code ignored;
    void* library = nullptr;
    if (bare || std::filesystem::exists(place, ignored)) {
      library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL | FFTCONV_DEEPBIND);
      if (!library && !bare) {
        const char* reason = dlerror();
        return missing("at " + place.string() + " could not be loaded (" + (reason ? reason : "no reason given") +
                       ")");
      }
    }
    if (!library) {
      const char* reason = bare ? dlerror() : nullptr;
      tried += (tried.empty() ? "" : ", ") + (reason ? std::string(reason) : place.string());
      continue;
    }
    const auto entry = reinterpret_cast<fftconv_llvm_entry>(dlsym(library, FFTCONV_LLVM_ENTRY));
    const fftconv_llvm_functions* functions = entry ? entry() : nullptr;
    if (!functions || functions->abi != FFTCONV_LLVM_ABI) {
      return missing("at " + place.string() + " belongs to another version of fftconv");
    }
    // Never closed: compiled code and LLVM's own threads may outlive every owner.
    return static_cast<LlvmComponent*>(new Component(*functions));
  }
  return missing("was not found (looked at " + tried + ")");
}

}  // namespace

std::int64_t CubinKernel::count(const std::string& mnemonic, const CubinLoop& among) const {
  return std::count(code.begin() + among.first, code.begin() + among.last + 1, mnemonic);
}

std::int64_t CubinKernel::count(const std::string& mnemonic) const {
  return std::count(code.begin(), code.end(), mnemonic);
}

Result<LlvmComponent*> llvm_component() {
  static Result<LlvmComponent*> opened = open_component();
  return opened;
}

}  // namespace fftconv
