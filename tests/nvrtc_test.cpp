// NVRTC by dlopen: what compiles, what is read out of its log, what a failure says.
#include "fftconv/nvrtc.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cuda/compile_log.h"
#include "cuda/nvrtc_library.h"
#include "fftconv/settings.h"

using namespace fftconv;

namespace {

KernelSource tiny_kernel() {
  KernelSource source;
  source.convolution.name = "add_one";
  source.text =
      "extern \"C\" __global__ void other(float* x) { x[threadIdx.x] *= 2.0f; }\n"
      "extern \"C\" __global__ void add_one(float* x) { x[threadIdx.x] += 1.0f; }\n";
  return source;
}

/// Restores the settings when a test that changes them ends.
struct SettingsGuard {
  Settings saved = settings();
  ~SettingsGuard() { set_settings(saved); }
};

bool have_nvrtc() {
  const auto version = nvrtc_version();
  if (!version) MESSAGE("skipped: " << version.error().message);
  return version.ok();
}

}  // namespace

TEST_CASE("a kernel compiles to machine code for every supported architecture") {
  if (!have_nvrtc()) return;
  for (const char* arch : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"}) {
    CAPTURE(arch);
    const auto kernel = nvrtc_compile(tiny_kernel(), arch, BinaryFormat::cubin);
    REQUIRE_MESSAGE(kernel.ok(), kernel.error().message);
    REQUIRE(kernel->binary.size() > 4);
    CHECK(std::string(reinterpret_cast<const char*>(kernel->binary.data()), 4) ==
          "\x7f"
          "ELF");
    CHECK(kernel->registers > 0);
    CHECK(kernel->spill_bytes == 0);
    CHECK(kernel->compile_s > 0);
  }
}

TEST_CASE("PTX is text for the virtual architecture") {
  if (!have_nvrtc()) return;
  const auto kernel = nvrtc_compile(tiny_kernel(), "sm_90a", BinaryFormat::ptx);
  REQUIRE_MESSAGE(kernel.ok(), kernel.error().message);
  const std::string text(reinterpret_cast<const char*>(kernel->binary.data()), kernel->binary.size());
  CHECK(text.find(".target sm_90a") != std::string::npos);
  CHECK(text.find(".entry add_one") != std::string::npos);
}

TEST_CASE("registers are those of the convolution entry, not of another one") {
  if (!have_nvrtc()) return;
  KernelSource source = tiny_kernel();
  source.text +=
      "extern \"C\" __global__ void __launch_bounds__(1024, 2) heavy(float* x, int n) {\n"
      "  float a[64];\n"
      "#pragma unroll\n"
      "  for (int i = 0; i < 64; ++i) a[i] = x[i * n];\n"
      "#pragma unroll\n"
      "  for (int i = 0; i < 64; ++i) x[i * n] = a[i] * a[63 - i];\n"
      "}\n";
  const auto light = nvrtc_compile(source, "sm_90a", BinaryFormat::cubin);
  source.convolution.name = "heavy";
  const auto heavy = nvrtc_compile(source, "sm_90a", BinaryFormat::cubin);
  REQUIRE(light.ok());
  REQUIRE(heavy.ok());
  CHECK(light->registers < heavy->registers);
  CHECK(light->spill_bytes == 0);
  CHECK(heavy->spill_bytes > 0);  // 64 values cannot stay in the 32 registers that the bounds leave
}

TEST_CASE("a compile error names the line and shows it") {
  if (!have_nvrtc()) return;
  KernelSource source = tiny_kernel();
  source.text += "extern \"C\" __global__ void broken() { int x = undefined_name; }\n";
  const auto kernel = nvrtc_compile(source, "sm_80", BinaryFormat::cubin);
  REQUIRE(!kernel.ok());
  CHECK(kernel.error().code == ErrorCode::compile_failed);
  CAPTURE(kernel.error().message);
  CHECK(kernel.error().message.find("line 3: error: ") != std::string::npos);
  CHECK(kernel.error().message.find("undefined_name") != std::string::npos);
}

TEST_CASE("an instruction that the assembler refuses is a compile error") {
  if (!have_nvrtc()) return;
  KernelSource source = tiny_kernel();
  source.text += "extern \"C\" __global__ void broken() { asm volatile(\"nonsense.u32;\"); }\n";
  const auto kernel = nvrtc_compile(source, "sm_80", BinaryFormat::cubin);
  REQUIRE(!kernel.ok());
  CHECK(kernel.error().code == ErrorCode::compile_failed);
  CHECK(kernel.error().message.find("nonsense") != std::string::npos);
}

TEST_CASE("an architecture that NVRTC does not know is refused with its name") {
  if (!have_nvrtc()) return;
  const auto kernel = nvrtc_compile(tiny_kernel(), "sm_12345", BinaryFormat::cubin);
  REQUIRE(!kernel.ok());
  CHECK(kernel.error().code == ErrorCode::compile_failed);
  CHECK(kernel.error().message.find("sm_12345") != std::string::npos);
}

TEST_CASE("options of the source reach the compiler") {
  if (!have_nvrtc()) return;
  KernelSource source = tiny_kernel();
  source.text += "#ifndef CHOSEN\n#error option lost\n#endif\n";
  CHECK(!nvrtc_compile(source, "sm_90a", BinaryFormat::cubin).ok());
  source.options = {"-DCHOSEN=1"};
  CHECK(nvrtc_compile(source, "sm_90a", BinaryFormat::cubin).ok());
}

TEST_CASE("two threads compile at the same time") {
  if (!have_nvrtc()) return;
  std::atomic<int> good = 0;
  const auto work = [&] { good += nvrtc_compile(tiny_kernel(), "sm_90a", BinaryFormat::cubin).ok() ? 1 : 0; };
  std::thread first(work), second(work);
  first.join();
  second.join();
  CHECK(good == 2);
}

TEST_CASE("where NVRTC is turned off or the file is missing the error says what to install and what it costs") {
  const SettingsGuard guard;
  for (const char* choice : {"off", "/nowhere/libnvrtc.so.13"}) {
    CAPTURE(choice);
    Settings changed = guard.saved;
    changed.nvrtc = choice;
    set_settings(changed);
    const auto version = nvrtc_version();
    REQUIRE(!version.ok());
    CHECK(version.error().code == ErrorCode::dependency_missing);
    CHECK(version.error().message.find("FFTCONV_NVRTC") != std::string::npos);
    CHECK(version.error().message.find("nvidia-cuda-nvrtc") != std::string::npos);
    const auto kernel = nvrtc_compile(tiny_kernel(), "sm_90a", BinaryFormat::cubin);
    REQUIRE(!kernel.ok());
    CHECK(kernel.error().code == ErrorCode::dependency_missing);
  }
}

TEST_CASE("a library that is not NVRTC is refused") {
  const SettingsGuard guard;
  Settings changed = guard.saved;
  changed.nvrtc = "libm.so.6";
  set_settings(changed);
  const auto version = nvrtc_version();
  REQUIRE(!version.ok());
  CHECK(version.error().code == ErrorCode::dependency_missing);
  CHECK(version.error().message.find("libm.so.6") != std::string::npos);
}

TEST_CASE("the toolkit and the private environment are searched after the loader's path") {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / "fftconv-nvrtc-search";
  fs::remove_all(root);
  const fs::path target = root / "local/cuda-12.9/targets/x86_64-linux/lib";
  const fs::path wheel = root / "venv/lib/python3.11/site-packages/nvidia/cu13/lib";
  for (const fs::path& folder : {target, wheel}) {
    fs::create_directories(folder);
    std::ofstream(folder / "libnvrtc.so.13") << "not a library";
  }
  const auto names = cuda::toolkit_candidates("nvrtc", root / "local", root / "venv");
  const auto place = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  const auto none = static_cast<std::ptrdiff_t>(names.size());
  CHECK(place("libnvrtc.so.13") == 0);
  CHECK(place((target / "libnvrtc.so.13").string()) < place((wheel / "libnvrtc.so.13").string()));
  CHECK(place((wheel / "libnvrtc.so.13").string()) < none);
  fs::remove_all(root);
}

TEST_CASE("spills and the error line are read out of a log") {
  const auto entries = cuda::parse_entry_usage(
      "ptxas info    : Compiling entry function 'k2' for 'sm_90a'\n"
      "ptxas info    : Function properties for k2\n"
      "ptxas         .     816 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 32 registers, used 0 barriers, 816 bytes cumulative stack size\n"
      "ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
      "ptxas info    : Used 12 registers, used 1 barriers, 400 bytes smem\n");
  REQUIRE(entries.size() == 2);
  CHECK(entries[0] == cuda::EntryUsage{"k2", 32, 816, 8, 12, 0});
  CHECK(entries[1] == cuda::EntryUsage{"k", 12, 0, 0, 0, 400});

  const auto error = cuda::first_error("kernel.cu(7): warning #177-D: unused\nkernel.cu(12): error: bad (name)\n");
  CHECK(error.line == 12);
  CHECK(error.text == "error: bad (name)");
  CHECK(cuda::first_error("all is well\n").text.empty());
}
