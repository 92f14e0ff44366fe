// clang in process: cc1 arguments, no driver, no file of this machine in sight of the source.
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <llvm/ADT/SmallString.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/Support/CrashRecoveryContext.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/Process.h>
#include <llvm/Support/VirtualFileSystem.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <mutex>

#include "component.h"

namespace fftconv_llvm {
namespace {

constexpr unsigned compiler_stack_bytes = 16u << 20;

// Signal handlers are the process's: they are armed only while something compiles.
class CrashRecoveryScope {
 public:
  CrashRecoveryScope() {
    const std::lock_guard lock(mutex());
    if (users()++ == 0) llvm::CrashRecoveryContext::Enable();
  }
  ~CrashRecoveryScope() {
    const std::lock_guard lock(mutex());
    if (--users() == 0) llvm::CrashRecoveryContext::Disable();
  }
  CrashRecoveryScope(const CrashRecoveryScope&) = delete;
  CrashRecoveryScope& operator=(const CrashRecoveryScope&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex value;
    return value;
  }
  static int& users() {
    static int value = 0;
    return value;
  }
};

thread_local std::string* fatal_reason = nullptr;

// Errors of the back end end the process unless a handler leaves the compilation first.
void on_fatal_error(void*, const char* reason, bool) {
  if (fatal_reason) *fatal_reason = reason;
  llvm::sys::Process::Exit(70);
}

void handle_fatal_errors() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::remove_fatal_error_handler();
    llvm::install_fatal_error_handler(on_fatal_error);
  });
}

bool optimizes(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "-O2" || argument == "-O3") return true;
  }
  return false;
}

bool chooses_features(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "-target-feature") return true;
  }
  return false;
}

std::vector<std::string> cc1_arguments(const fftconv_clang_job& job, const llvm::Triple& triple) {
  const std::vector<std::string> given(job.arguments, job.arguments + job.argument_count);
  std::vector<std::string> list = {
      "-triple",         triple.str(),           "-x",        "c++",           "-std=c++20", "-nostdsysteminc",
      "-nobuiltininc",   "-fgnuc-version=4.2.1", "-fno-rtti", "-ferror-limit", "8",          "-Wno-psabi",
      "-main-file-name", job.file_name};
  const bool host = *job.triple == '\0';
  const std::string cpu = *job.cpu != '\0' ? job.cpu : host ? host_cpu() : std::string();
  if (!cpu.empty()) list.insert(list.end(), {"-target-cpu", cpu});
  if (host && *job.cpu == '\0') {
    for (const std::string& feature : host_features()) list.insert(list.end(), {"-target-feature", feature});
  }
  if (triple.isNVPTX()) {
    // PTX 8.0 (CUDA 12.0) is the first that knows sm_90a.
    if (!chooses_features(given)) list.insert(list.end(), {"-target-feature", "+ptx80"});
    list.push_back("-S");
  } else {
    // Position independent, so that the linker can reach helpers anywhere in the address space.
    list.insert(list.end(), {"-emit-obj", "-mrelocation-model", "pic", "-pic-level", "2", "-pic-is-pie"});
    if (optimizes(given)) list.insert(list.end(), {"-vectorize-loops", "-vectorize-slp"});
  }
  if (job.debug_lines) list.insert(list.end(), {"-debug-info-kind=line-tables-only", "-dwarf-version=4"});
  list.insert(list.end(), given.begin(), given.end());
  return list;
}

bool run_clang(const fftconv_clang_job& job, llvm::SmallVectorImpl<char>& output, std::string& diagnostics) {
  const llvm::Triple triple(*job.triple != '\0' ? std::string(job.triple) : llvm::sys::getDefaultTargetTriple());
  const std::vector<std::string> arguments = cc1_arguments(job, triple);
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());

  llvm::raw_string_ostream log(diagnostics);
  auto options = llvm::makeIntrusiveRefCnt<clang::DiagnosticOptions>();
  options->ShowCarets = 1;
  auto printer = std::make_unique<clang::TextDiagnosticPrinter>(log, options.get());

  clang::CompilerInstance clang;
  const llvm::IntrusiveRefCntPtr<clang::DiagnosticsEngine> engine(new clang::DiagnosticsEngine(
      llvm::makeIntrusiveRefCnt<clang::DiagnosticIDs>(), options.get(), printer.get(), /*ShouldOwnClient=*/false));
  if (!clang::CompilerInvocation::CreateFromArgs(clang.getInvocation(), pointers, *engine)) return false;

  const llvm::MemoryBufferRef source(llvm::StringRef(job.source, job.source_size), job.file_name);
  clang.getFrontendOpts().Inputs.clear();
  clang.getFrontendOpts().Inputs.emplace_back(source, clang::InputKind(clang::Language::CXX));
  clang.getFrontendOpts().DisableFree = false;
  clang.createDiagnostics(printer.get(), /*ShouldOwnClient=*/false);
  clang.createFileManager(llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>());
  clang.setOutputStream(std::make_unique<llvm::raw_svector_ostream>(output));

  llvm::LLVMContext context;
  if (triple.isNVPTX()) {
    clang::EmitAssemblyAction action(&context);
    return clang.ExecuteAction(action);
  }
  clang::EmitObjAction action(&context);
  return clang.ExecuteAction(action);
}

}  // namespace

int compile(const fftconv_clang_job* job, fftconv_bytes_sink object, void* object_user,
            fftconv_bytes_sink diagnostics, void* diagnostics_user) {
  initialize();
  handle_fatal_errors();
  llvm::SmallString<0> output;
  std::string log;
  std::string fatal;
  bool compiled = false;
  bool survived = false;
  {
    const CrashRecoveryScope scope;
    llvm::CrashRecoveryContext recovery;
    survived = recovery.RunSafelyOnThread(
        [&] {
          fatal_reason = &fatal;
          compiled = run_clang(*job, output, log);
          fatal_reason = nullptr;
        },
        compiler_stack_bytes);
  }
  if (!survived) log += "the compiler itself failed: " + (fatal.empty() ? std::string("it crashed") : fatal) + "\n";
  diagnostics(diagnostics_user, log.data(), log.size());
  if (!survived || !compiled) return 1;
  object(object_user, output.data(), output.size());
  return 0;
}

}  // namespace fftconv_llvm
