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

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

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

// Everything that one compilation owns. After a crash the recovery deletes what clang registered with it, and that
// still refers to these: they outlive the recovery and, after a crash, are never destroyed.
struct Compilation {
  llvm::Triple triple;
  std::vector<std::string> arguments;
  llvm::SmallString<0> output;
  std::string diagnostics;
  std::string fatal;
  llvm::raw_string_ostream log{diagnostics};
  llvm::IntrusiveRefCntPtr<clang::DiagnosticOptions> options = llvm::makeIntrusiveRefCnt<clang::DiagnosticOptions>();
  clang::TextDiagnosticPrinter printer{log, options.get()};
  llvm::LLVMContext context;
  clang::CompilerInstance clang;
  std::unique_ptr<clang::FrontendAction> action;
};

bool run_clang(const fftconv_clang_job& job, Compilation& work) {
  std::vector<const char*> pointers;
  for (const std::string& argument : work.arguments) pointers.push_back(argument.c_str());
  const llvm::IntrusiveRefCntPtr<clang::DiagnosticsEngine> engine(
      new clang::DiagnosticsEngine(llvm::makeIntrusiveRefCnt<clang::DiagnosticIDs>(), work.options.get(),
                                   &work.printer, /*ShouldOwnClient=*/false));
  work.options->ShowPresumedLoc = true;  // lines as #line directives say
  if (!clang::CompilerInvocation::CreateFromArgs(work.clang.getInvocation(), pointers, *engine)) return false;

  const llvm::MemoryBufferRef source(llvm::StringRef(job.source, job.source_size), job.file_name);
  work.clang.getFrontendOpts().Inputs.clear();
  work.clang.getFrontendOpts().Inputs.emplace_back(source, clang::InputKind(clang::Language::CXX));
  work.clang.getFrontendOpts().DisableFree = false;
  work.clang.setVerboseOutputStream(work.log);
  work.clang.createDiagnostics(&work.printer, /*ShouldOwnClient=*/false);
  work.clang.createFileManager(llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>());
  work.clang.setOutputStream(std::make_unique<llvm::raw_svector_ostream>(work.output));

  if (work.triple.isNVPTX()) {
    work.action = std::make_unique<clang::EmitAssemblyAction>(&work.context);
  } else {
    work.action = std::make_unique<clang::EmitObjAction>(&work.context);
  }
  return work.clang.ExecuteAction(*work.action);
}

// What a crash leaves behind is lost on purpose: a leak checker need not look at it.
class LeaksAllowed {
 public:
#if defined(__SANITIZE_ADDRESS__)
  LeaksAllowed() { __lsan_disable(); }
  ~LeaksAllowed() { __lsan_enable(); }
#else
  LeaksAllowed() {}
#endif
  LeaksAllowed(const LeaksAllowed&) = delete;
  LeaksAllowed& operator=(const LeaksAllowed&) = delete;
};

struct Attempt {
  std::unique_ptr<Compilation> work;
  bool survived = false;
  bool compiled = false;
};

Attempt attempt(const fftconv_clang_job& job) {
  const LeaksAllowed allowed;
  Attempt made;
  made.work = std::make_unique<Compilation>();
  Compilation& work = *made.work;
  work.triple = llvm::Triple(*job.triple != '\0' ? std::string(job.triple) : llvm::sys::getDefaultTargetTriple());
  work.arguments = cc1_arguments(job, work.triple);
  const CrashRecoveryScope scope;
  auto recovery = std::make_unique<llvm::CrashRecoveryContext>();
  made.survived = recovery->RunSafelyOnThread(
      [&] {
        const LeaksAllowed allowed_here;  // of this thread
        fatal_reason = &work.fatal;
        made.compiled = run_clang(job, work);
        fatal_reason = nullptr;
      },
      compiler_stack_bytes);
  if (!made.survived) (void)recovery.release();
  return made;
}

}  // namespace

int compile(const fftconv_clang_job* job, fftconv_bytes_sink object, void* object_user,
            fftconv_bytes_sink diagnostics, void* diagnostics_user) {
  initialize();
  handle_fatal_errors();
  Attempt made = attempt(*job);
  if (!made.survived && made.work->fatal.empty()) {
    // The compilation after one that crashed inside the preprocessor was seen to crash as well, for no reason of its
    // own, and the next one not: a crash counts when it happens twice.
    (void)made.work.release();
    made = attempt(*job);
  }
  Compilation& work = *made.work;
  if (!made.survived) {
    const std::string reason =
        work.diagnostics + "the compiler itself failed: " + (work.fatal.empty() ? "it crashed" : work.fatal) + "\n";
    diagnostics(diagnostics_user, reason.data(), reason.size());
    (void)made.work.release();
    return 1;
  }
  diagnostics(diagnostics_user, work.diagnostics.data(), work.diagnostics.size());
  if (!made.compiled) return 1;
  object(object_user, work.output.data(), work.output.size());
  return 0;
}

}  // namespace fftconv_llvm
