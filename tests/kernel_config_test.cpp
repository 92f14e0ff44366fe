#include "fftconv/kernel_config.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <locale>
#include <set>

#include "random_problem.h"

using namespace fftconv;

namespace {

constexpr const char* cuda_text =
    "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc";
constexpr const char* cpu_text = "p3:4x16x64/fused/vector/rows1/lanes16/interleave2/stream0/clang";

KernelConfig cuda_config() {
  KernelConfig c;
  c.radices = {16, 16, 16};
  c.warps = 8;
  c.depth = 2;
  c.filter = Residency::registers;
  return c;
}

KernelConfig cpu_config() {
  KernelConfig c;
  c.radices = {4, 16, 64};
  c.engine = Engine::vector;
  c.lanes = 16;
  c.interleave = 2;
  c.compiler = CompilerId::clang;
  return c;
}

void check_refused(const std::string& text) {
  CAPTURE(text);
  const auto parsed = parse_config(text);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().code == ErrorCode::invalid_argument);
  CHECK(parsed.error().message.find("is not a kernel configuration: ") != std::string::npos);
  CHECK(parsed.error().message.find("; write it as p3:") != std::string::npos);
}

}  // namespace

TEST_CASE("the texts of both kinds of device are the documented ones") {
  CHECK(to_string(cuda_config()) == cuda_text);
  CHECK(to_string(cpu_config()) == cpu_text);
  KernelConfig paired = cuda_config();
  paired.paired = true;
  CHECK(to_string(paired) == std::string(cuda_text) + "/paired");
}

TEST_CASE("thousands of random configurations survive the way through their text") {
  auto random = test::seeded();
  for (int i = 0; i < 20000; ++i) {
    const KernelConfig c = test::random_config(random);
    const std::string text = to_string(c);
    CAPTURE(text);
    const auto back = parse_config(text);
    REQUIRE_MESSAGE(back.ok(), back.error().message);
    REQUIRE(*back == c);
    REQUIRE(to_string(*back) == text);
  }
}

TEST_CASE("each field of a device's kind shows in the text") {
  std::set<std::string> texts;
  int changes = 0;
  const auto add = [&](KernelConfig c, auto change) {
    change(c);
    texts.insert(to_string(c));
    ++changes;
  };
  const KernelConfig g = cuda_config(), v = cpu_config();
  add(g, [](KernelConfig&) {});
  add(g, [](KernelConfig& c) { c.radices = {16, 256}; });
  add(g, [](KernelConfig& c) { c.strategy = Strategy::multipass; });
  add(g, [](KernelConfig& c) { c.engine = Engine::mma_f16f32; });
  add(g, [](KernelConfig& c) { c.engine = Engine::mma_bf16; });
  add(g, [](KernelConfig& c) { c.engine = Engine::mma_split; });
  add(g, [](KernelConfig& c) { c.rows = 2; });
  add(g, [](KernelConfig& c) { c.warps = 4; });
  add(g, [](KernelConfig& c) { c.loop = 3; });
  add(g, [](KernelConfig& c) { c.depth = 1; });
  add(g, [](KernelConfig& c) { c.paired = true; });
  add(g, [](KernelConfig& c) { c.filter = Residency::memory; });
  add(g, [](KernelConfig& c) { c.twiddle = Residency::registers; });
  add(g, [](KernelConfig& c) { c.compiler = CompilerId::none; });
  add(v, [](KernelConfig&) {});
  add(v, [](KernelConfig& c) { c.rows = 4; });
  add(v, [](KernelConfig& c) { c.lanes = 8; });
  add(v, [](KernelConfig& c) { c.interleave = 4; });
  add(v, [](KernelConfig& c) { c.streaming = true; });
  add(v, [](KernelConfig& c) { c.twiddle = Residency::registers; });
  add(v, [](KernelConfig& c) { c.twiddle = Residency::registers, c.paired = true; });
  CHECK(texts.size() == static_cast<std::size_t>(changes));
}

TEST_CASE("the transform length is the product of the radices") {
  CHECK(transform_length(cuda_config()) == 4096);
  KernelConfig c;
  c.radices = {4096, 4096, 16};
  CHECK(transform_length(c) == std::int64_t{1} << 28);
}

TEST_CASE("what is not a configuration's text is refused with a sentence") {
  for (const char* text : {
           "",
           "/",
           "garbage",
           "p3",
           "p3:",
           "p3:16x16",
           "p2:16x16x16",
           "p0:",
           "p1:0",
           "p1:-4",
           "p2:16x16x",
           "p2:16,16",
           "p03:16x16x16",
           "p3:16x16x16",
           "p3:16x16x16/fused",
           "p3:16x16x16/fused/mma-f16acc",
           "p3:16x16x16/fuse/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
           "p3:16x16x16/fused/mma/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
           "p3:16x16x16/fused/mma-f16acc/rows0/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
           "p3:16x16x16/fused/mma-f16acc/rows1/warps33/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
           "p3:16x16x16/fused/mma-f16acc/warps8/rows1/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
           "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/reg/twiddle-mem/nvrtc",
           "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem",
           "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/gcc",
           "p3:4x16x64/fused/vector/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc",
           "p3:4x16x64/fused/vector/rows1/lanes16/interleave2/stream2/clang",
           "p3:4x16x64/fused/vector/rows1/lanes16/interleave2/clang",
       }) {
    check_refused(text);
  }
}

TEST_CASE("an order that is not the number of radices, and other spellings of a number, are refused") {
  const std::string rest = "/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc";
  REQUIRE(parse_config("p3:16x16x16" + rest).ok());
  for (const char* radices :
       {"p2:16x16x16", "p4:16x16x16", "p03:16x16x16", "p3:16x016x16", "p3:16x+16x16", "p3:16x 16x16", "p3:16xx16",
        "p3:16X16X16", "p3:16x16x0", "p3:16x16x-16", "p0:", "3:16x16x16", "p3 16x16x16", "p3:16x16x16:"}) {
    check_refused(radices + rest);
  }
  check_refused("p3:16x16x16/fused/mma-f16acc/rows01/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc");
  check_refused("p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop-0/depth2/filter-reg/twiddle-mem/nvrtc");
}

TEST_CASE("numbers that do not fit are refused with a sentence") {
  check_refused("p1:99999999999/fused/vector/rows1/lanes16/interleave2/stream0/clang");
  check_refused("p2:65536x65536/fused/vector/rows1/lanes16/interleave2/stream0/clang");
  check_refused("p4294967297:16/fused/vector/rows1/lanes16/interleave2/stream0/clang");
  check_refused("p1:16/fused/mma-f16acc/rows4294967297/warps8/loop0/depth2/filter-reg/twiddle-mem/nvrtc");
  std::string many = "p1000:1";
  for (int i = 1; i < 1000; ++i) many += "x1";
  check_refused(many + "/fused/vector/rows1/lanes16/interleave2/stream0/clang");
}

TEST_CASE("trailing text is refused with a sentence") {
  for (const std::string text : {cuda_text, cpu_text}) {
    for (const char* tail : {"/", " ", "\n", "x", "/pair", "/paired/", "/paired/paired", "/nvrtc",
                             "/paired/twiddle-reg", "/twiddle-mem"}) {
      check_refused(text + tail);
    }
    check_refused(text + std::string("\0", 1));
  }
}

namespace {
struct Grouping : std::numpunct<char> {
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\1"; }
};
}  // namespace

TEST_CASE("no locale changes the text or the parser") {
  const std::locale before = std::locale::global(std::locale(std::locale(), new Grouping));
  const std::string text = to_string(cpu_config());
  const auto back = parse_config(cpu_text);
  std::locale::global(before);
  CHECK(text == cpu_text);
  REQUIRE(back.ok());
  CHECK(*back == cpu_config());
}
