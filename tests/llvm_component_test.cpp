// The LLVM component: clang in process, the JIT linker and the cubin reader. Without the component the tests say so
// and do nothing.
#include "fftconv/llvm_component.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "fftconv/nvrtc.h"

using namespace fftconv;

namespace {

LlvmComponent& component() {
  auto opened = llvm_component();
  REQUIRE_MESSAGE(opened.ok(), opened.error().message);
  return **opened;
}

std::unique_ptr<LinkedObject> build(const std::string& source, std::vector<std::string> arguments = {"-O1"},
                                    const std::vector<std::pair<std::string, void*>>& helpers = {}) {
  auto output = component().compile({.source = source, .file_name = "test", .arguments = std::move(arguments)});
  REQUIRE_MESSAGE(output.ok(), output.error().message);
  auto linked = component().link(output->object, helpers);
  REQUIRE_MESSAGE(linked.ok(), linked.error().message);
  return std::move(*linked);
}

template <class Function>
Function* function(const LinkedObject& object, const char* name) {
  void* address = object.symbol(name);
  REQUIRE(address != nullptr);
  return reinterpret_cast<Function*>(address);
}

int triple_of(int x) { return 3 * x; }

}  // namespace

TEST_CASE("the component says its version and the host") {
  CHECK(component().version().substr(0, 3) == "19.");
  CHECK_FALSE(component().host_cpu().empty());
  CHECK_FALSE(component().host_has("no-such-feature"));
}

TEST_CASE("compiled code runs in this process") {
  const auto object = build("extern \"C\" int add(int a, int b) { return a + b; }");
  CHECK(function<int(int, int)>(*object, "add")(40, 2) == 42);
  CHECK(object->symbol("subtract") == nullptr);
}

TEST_CASE("compiled code reaches the helpers it was given, wherever they lie") {
  const auto object = build("extern \"C\" int helper(int); extern \"C\" int call(int x) { return helper(x) + 1; }",
                            {"-O0"}, {{"helper", reinterpret_cast<void*>(&triple_of)}});
  CHECK(function<int(int)>(*object, "call")(5) == 16);
}

TEST_CASE("a symbol that was not given is refused by name") {
  auto output = component().compile({.source = "extern \"C\" int getpid(); int f() { return getpid(); }"});
  REQUIRE(output.ok());
  const auto linked = component().link(output->object, {});
  REQUIRE_FALSE(linked.ok());
  CHECK(linked.error().code == ErrorCode::compile_failed);
  CHECK(linked.error().message.find("getpid") != std::string::npos);
}

TEST_CASE("constructors of globals do not exist, zero-initialised globals do") {
  const auto object = build("int counter; extern \"C\" int next() { return ++counter; }");
  auto* next = function<int()>(*object, "next");
  CHECK(next() == 1);
  CHECK(next() == 2);
}

TEST_CASE("builtins that the compiler inserts are there") {
  const auto object = build(
      "struct Big { char c[4096]; };"
      "extern \"C\" void copy(Big* to, const Big* from) { *to = *from; }"
      "extern \"C\" float root(float x) { return __builtin_sinf(x); }",
      {"-O0"});
  std::vector<char> from(4096, 7), to(4096, 0);
  function<void(char*, const char*)>(*object, "copy")(to.data(), from.data());
  CHECK(from == to);
  CHECK(function<float(float)>(*object, "root")(0.5f) == doctest::Approx(std::sin(0.5f)));
}

TEST_CASE("half conversions without hardware support round to nearest even") {
  // The plain x86-64 has no F16C, so that the compiler calls the component's own functions.
  if (component().host_cpu().empty()) return;
#ifdef __x86_64__
  auto output = component().compile(
      {.source = "extern \"C\" unsigned down(float x) { _Float16 h = (_Float16)x; unsigned short b;"
                 "  __builtin_memcpy(&b, &h, 2); return b; }"
                 "extern \"C\" float up(unsigned x) { unsigned short b = x; _Float16 h;"
                 "  __builtin_memcpy(&h, &b, 2); return (float)h; }",
       .cpu = "x86-64",
       .arguments = {"-O1"}});
  REQUIRE_MESSAGE(output.ok(), output.error().message);
  auto linked = component().link(output->object, {});
  REQUIRE_MESSAGE(linked.ok(), linked.error().message);
  auto* down = function<unsigned(float)>(**linked, "down");
  auto* up = function<float(unsigned)>(**linked, "up");
  CHECK(down(1.0f) == 0x3c00u);
  CHECK(down(1.0f + 0x1p-11f) == 0x3c00u);  // tie, to even
  CHECK(down(1.0f + 0x3p-11f) == 0x3c02u);  // tie, to even
  CHECK(down(0x1p-24f) == 0x0001u);         // smallest subnormal
  CHECK(down(0x1p-25f) == 0x0000u);         // tie, to even
  CHECK(down(65519.0f) == 0x7bffu);
  CHECK(down(65520.0f) == 0x7c00u);
  CHECK(down(-2.0f) == 0xc000u);
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const float value = up(bits);
    if (std::isnan(value)) continue;
    if (down(value) != bits) CHECK(down(value) == bits);
  }
#endif
}

TEST_CASE("an error of the source is reported with its line") {
  const auto output = component().compile({.source = "int ok;\nint broken(\n", .file_name = "kernel"});
  REQUIRE_FALSE(output.ok());
  CHECK(output.error().code == ErrorCode::compile_failed);
  CHECK(output.error().message.find("kernel:2") != std::string::npos);
}

TEST_CASE("a source cannot include files of the machine") {
  const auto output = component().compile({.source = "#include \"/etc/passwd\"\n"});
  REQUIRE_FALSE(output.ok());
  CHECK(output.error().message.find("file not found") != std::string::npos);
}

TEST_CASE("a crash in the compiler costs one compilation, not the process") {
#ifdef __SANITIZE_THREAD__
  MESSAGE("skipped: the thread sanitizer takes everything after a handled signal for the handler");
  return;
#endif
  for (const char* how : {"crash", "parser_crash", "llvm_fatal_error"}) {
    const auto output = component().compile({.source = std::string("#pragma clang __debug ") + how + "\n"});
    INFO(how);
    REQUIRE_FALSE(output.ok());
    CHECK(output.error().code == ErrorCode::compile_failed);
    CHECK(output.error().message.find("the compiler itself failed") != std::string::npos);
    const auto object = build("extern \"C\" int one() { return 1; }");
    CHECK(function<int()>(*object, "one")() == 1);
  }
}

TEST_CASE("the same text compiles to PTX") {
  const auto output =
      component().compile({.source = "extern \"C\" __attribute__((nvptx_kernel)) void k(float* p) { p[0] = 1.0f; }",
                           .triple = "nvptx64-nvidia-cuda",
                           .cpu = "sm_90a",
                           .arguments = {"-O2"}});
  REQUIRE_MESSAGE(output.ok(), output.error().message);
  const std::string text(reinterpret_cast<const char*>(output->object.data()), output->object.size());
  CHECK(text.find(".target sm_90a") != std::string::npos);
  CHECK(text.find(".entry k") != std::string::npos);
}

TEST_CASE("many threads compile, link and run at once") {
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3; ++i) {
        const int value = 10 * t + i;
        auto output = component().compile(
            {.source = "extern \"C\" int value() { return " + std::to_string(value) + "; }", .arguments = {"-O1"}});
        if (!output.ok()) return;
        auto linked = component().link(output->object, {});
        if (!linked.ok()) return;
        right += reinterpret_cast<int (*)()>((*linked)->symbol("value"))() == value;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 12);
}

TEST_CASE("what is not an object or not a cubin is refused") {
  const std::vector<std::byte> garbage(64, std::byte{0x5a});
  CHECK_FALSE(component().link(garbage, {}).ok());
  const auto cubin = component().read_cubin(garbage);
  REQUIRE_FALSE(cubin.ok());
  CHECK(cubin.error().code == ErrorCode::damaged);
  auto object = component().compile({.source = "int f() { return 0; }"});
  REQUIRE(object.ok());
  const auto host = component().read_cubin(object->object);
  REQUIRE_FALSE(host.ok());
  CHECK(host.error().message.find("190") != std::string::npos);
}

TEST_CASE("a cubin says its kernels' registers, memory and instructions") {
  KernelSource source;
  source.convolution.name = "second";
  source.text =
      "extern \"C\" __global__ void first(float* x) { x[threadIdx.x] += 1.0f; }\n"
      "extern \"C\" __global__ void second(unsigned* x) {\n"
      "  __shared__ unsigned s[256];\n"
      "  unsigned d0 = 0, d1 = 0, a = x[threadIdx.x];\n"
      "  asm volatile(\"mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %2, %2, %2}, {%2, %2}, {%0, "
      "%1};\" : \"+r\"(d0), \"+r\"(d1) : \"r\"(a));\n"
      "  s[threadIdx.x] = d0;\n"
      "  __syncthreads();\n"
      "  x[threadIdx.x] = s[255 - threadIdx.x] + d1;\n"
      "}\n";
  const auto compiled = nvrtc_compile(source, "sm_80", BinaryFormat::cubin);
  if (!compiled) {
    MESSAGE("skipped: " << compiled.error().message);
    return;
  }
  const auto kernels = component().read_cubin(compiled->binary);
  REQUIRE_MESSAGE(kernels.ok(), kernels.error().message);
  REQUIRE(kernels->size() == 2);
  const CubinKernel& first = (*kernels)[0];
  const CubinKernel& second = (*kernels)[1];
  CHECK(first.name == "first");
  CHECK(second.name == "second");
  CHECK(first.registers > 0);
  CHECK(second.registers == compiled->registers);
  CHECK(second.shared_bytes == 1024);
  CHECK(first.shared_bytes == 0);
  CHECK(second.frame_bytes == 0);
  CHECK(second.count("HMMA") == 1);
  CHECK(second.count("BAR") == 1);
  CHECK(second.count("STS") == 1);
  CHECK(second.count("LDS") == 1);
  CHECK(first.count("HMMA") == 0);
  CHECK(first.count("LDG") == 1);
  CHECK(first.loops.empty());
  CHECK(second.loops.empty());
  std::vector<std::byte> cut(compiled->binary.begin(), compiled->binary.begin() + 200);
  CHECK_FALSE(component().read_cubin(cut).ok());
}

TEST_CASE("a cubin says where its loops are, one inside the other") {
  KernelSource source;
  source.convolution.name = "loops";
  source.text =
      "extern \"C\" __global__ void loops(float* x, int n, int m) {\n"
      "  for (int i = 0; i < n; ++i) {\n"
      "    x[i] = __expf(x[i]);\n"
      "#pragma unroll 1\n"
      "    for (int j = 0; j < m; ++j) asm volatile(\"shfl.sync.bfly.b32 %0, %0, 1, 31, -1;\" : \"+f\"(x[j + "
      "threadIdx.x]));\n"
      "  }\n"
      "}\n";
  for (const std::string& arch : {std::string("sm_80"), std::string("sm_90a"), std::string("sm_120")}) {
    CAPTURE(arch);
    const auto compiled = nvrtc_compile(source, arch, BinaryFormat::cubin);
    if (!compiled) {
      MESSAGE("skipped: " << compiled.error().message);
      return;
    }
    const auto kernels = component().read_cubin(compiled->binary);
    REQUIRE_MESSAGE(kernels.ok(), kernels.error().message);
    const CubinKernel& kernel = kernels->front();
    std::string listing;
    for (const std::string& mnemonic : kernel.code) listing += mnemonic + " ";
    CAPTURE(listing);
    const auto inner = std::find_if(kernel.loops.begin(), kernel.loops.end(), [&](const CubinLoop& loop) {
      return kernel.count("SHFL", loop) == 1 && kernel.count("MUFU", loop) == 0;
    });
    REQUIRE(inner != kernel.loops.end());
    CHECK(std::any_of(kernel.loops.begin(), kernel.loops.end(), [&](const CubinLoop& loop) {
      return loop.first < inner->first && inner->last < loop.last && kernel.count("MUFU", loop) > 0;
    }));
  }
}
