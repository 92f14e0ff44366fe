// An installed compiler for the CPU device: the real one where there is one, and scripts in its place that fail in
// every way a program can.
#include "cpu/host_compiler.h"

#include <sys/stat.h>

#include <fstream>

#include "cpu/child_program.h"
#include "cpu/host_facts.h"
#include "cpu/shared_code.h"
#include "cpu_support.h"
#include "fftconv/plan.h"
#include "fftconv/search_space.h"
#include "fftconv/settings.h"
#include "tuning_db_fixture.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

constexpr const char* kSaysClang = "if [ \"$1\" = --version ]; then echo 'clang version 19.1.7'; exit 0; fi\n";

/// A program in a folder of its own.
class Script {
 public:
  explicit Script(const std::string& body, mode_t mode = 0700) : path_((folder_ / "clang++").string()) {
    std::ofstream(path_) << "#!/bin/sh\n" << body;
    chmod(path_.c_str(), mode);
  }
  const std::string& path() const { return path_; }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  test::TemporaryDirectory folder_;
  std::string path_;
};

KernelSource some_source() {
  const DeviceFacts facts = read_host_facts(1).value();
  const Problem problem = make_problem(Mode::causal, 64, 64);
  return cpu::emit(problem, *cpu::default_config(problem, facts), facts).value();
}

Error compile_error(const std::string& body, double seconds = 20) {
  const Script script(kSaysClang + body);
  const auto compiler = make_installed_compiler(script.path(), seconds);
  REQUIRE_MESSAGE(compiler.ok(), compiler.error().message);
  const auto compiled = (*compiler)->compile(some_source());
  REQUIRE_FALSE(compiled.ok());
  return compiled.error();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A clang of this machine; empty where there is none.
std::string installed_clang() {
  for (const char* path : {"/usr/bin/clang++-19", "/usr/lib/llvm-19/bin/clang++", "/usr/bin/clang++-18",
                           "/usr/bin/clang++-17", "/usr/bin/clang++-16", "/usr/bin/clang++"}) {
    if (make_installed_compiler(path).ok()) return path;
  }
  MESSAGE("skipped: no clang of version 16 or later is installed");
  return {};
}

int work_folders() {
  int count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp", ignored)) {
    struct stat info {};
    if (stat(entry.path().c_str(), &info) != 0 || info.st_uid != geteuid()) continue;
    count += entry.path().filename().string().starts_with("fftconv-kernel-");
  }
  return count;
}

}  // namespace

TEST_CASE("a compiler that somebody else could replace, or that is none, is refused by name") {
  const auto refused = [](const std::string& path, const char* why) {
    const auto compiler = make_installed_compiler(path, 20);
    REQUIRE_FALSE(compiler.ok());
    CHECK(compiler.error().code == ErrorCode::invalid_argument);
    CHECK_MESSAGE(contains(compiler.error().message, why), compiler.error().message);
  };
  const Script good(kSaysClang), open_file(kSaysClang, 0777), open_group(kSaysClang, 0770), dead(kSaysClang, 0600);
  CHECK(make_installed_compiler(good.path(), 20).ok());
  refused("clang++", "not an absolute path");
  refused(good.path() + "-99", "does not exist");
  refused(good.folder().string(), "no regular file");
  refused(dead.path(), "cannot be executed");
  refused(open_file.path(), "can be written by others");
  refused(open_group.path(), "can be written by others");
  const Script in_open_folder(kSaysClang);
  chmod(in_open_folder.folder().c_str(), 0777);
  refused(in_open_folder.path(), "folder that others can write");
  refused(Script("echo 'g++ (Debian 12.2.0-14) 12.2.0'").path(), "clang");
  refused(Script("echo 'Debian clang version 14.0.6'").path(), "need clang 16 or later");
  refused(Script("echo 'clang version 19.1.7'; exit 3").path(), "ended with status 3");
}

TEST_CASE("what a failing compiler says reaches the error, its first lines alone") {
  const Error error =
      compile_error("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"line $i is wrong\" >&2; done; exit 1");
  CHECK(error.code == ErrorCode::compile_failed);
  CHECK(contains(error.message, "ended with status 1"));
  CHECK(contains(error.message, "line 1 is wrong"));
  CHECK(contains(error.message, "line 8 is wrong"));
  CHECK_FALSE(contains(error.message, "line 9 is wrong"));
  const Error flood = compile_error("head -c 3000000 /dev/zero | tr '\\0' x; exit 1");
  CHECK(flood.message.size() < 4000);
  CHECK(contains(compile_error("kill -9 $$").message, "was ended by signal 9"));
}

TEST_CASE("a compiler that hangs is ended with what it started") {
  const auto begin = std::chrono::steady_clock::now();
  const Error error = compile_error("tail -f /dev/null & tail -f /dev/null", 0.5);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  CHECK(error.code == ErrorCode::timeout);
  CHECK(contains(error.message, "within 0.5 s"));
  CHECK(spent.count() < 10);
}

TEST_CASE("a compiler that leaves nothing, or no shared object, is found out") {
  CHECK(contains(compile_error("exit 0").message, "left no kernel"));
  const std::string output = "while [ \"$1\" != -o ]; do shift; done; ";
  CHECK(contains(
      compile_error(output + "echo garbage that is long enough to be a header of an ELF file, and some > $2").message,
      "no shared object"));
  CHECK(contains(compile_error(output + "ln -s /bin/sh $2").message, "left no kernel"));
  CHECK(work_folders() == 0);
}

TEST_CASE("a damaged shared object is refused by the loader, not run") {
  const std::string clang = installed_clang();
  if (clang.empty()) return;
  const auto compiler = make_installed_compiler(clang);
  const KernelSource source = some_source();
  CompiledKernel kernel = (*compiler)->compile(source).value();
  CHECK(kernel.format == BinaryFormat::shared_object);
  CHECK((*compiler)->link(source, kernel).ok());
  kernel.binary.resize(kernel.binary.size() / 8);
  CHECK((*compiler)->link(source, kernel).error().code == ErrorCode::damaged);
  kernel.binary.resize(10);
  CHECK((*compiler)->link(source, kernel).error().code == ErrorCode::damaged);
  KernelSource wrong = source;
  wrong.text += "\nint x = not_a_name;\n";
  CHECK(contains((*compiler)->compile(wrong).error().message, "not_a_name"));
}

TEST_CASE("kernels of an installed clang are right, and are remembered as its own") {
  const Settings before = settings();
  Settings changed = before;
  changed.host_compiler = installed_clang();
  if (changed.host_compiler.empty()) return;
  set_settings(changed);
  const auto made = make_cpu_device(2);
  set_settings(before);
  REQUIRE(made.ok());
  Device& installed = **made;
  CHECK(installed.compiler_version().starts_with("installed clang "));
  CHECK(contains(installed.caveat(), changed.host_compiler));
  CHECK(installed.identity().compiles);
  std::vector<Problem> problems = {make_problem(Mode::bidirectional, 1000, 999),
                                   make_problem(Mode::circular, 321, 100, DataType::f16)};
  for (const Problem& problem : problems) {
    const double error = error_of(problem, *cpu::default_config(problem, installed.identity()), installed);
    CHECK_MESSAGE(error <= allowed(problem), to_string(problem), ": error ", error);
  }

  const test::TemporaryDirectory folder;
  for (const bool first : {true, false}) {
    const auto context = Context::create(*made, {.cache_directory = folder.path()}).value();
    const Plan plan = context->plan(problems[0], {.rigor = first ? Rigor::estimate : Rigor::cached_only}).value();
    CHECK(plan.kernel().format == BinaryFormat::shared_object);
    CHECK(plan.kernel().from_cache == !first);
    CHECK(contains(plan.explain(), changed.host_compiler));
  }
}
