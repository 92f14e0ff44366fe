// The emitted CUDA text: deterministic, readable, and the same as the golden files.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <clocale>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "fftconv/kernel_source.h"

using namespace fftconv;

namespace {

struct Golden {
  const char* file;
  const char* problem;
  const char* config;
};
constexpr Golden goldens[] = {
    {"causal_256_f16.cu", "causal/L256/k256/b64/h768/io-f16/f16/forward",
     "p2:16x16/fused/mma-f16acc/rows4/warps1/loop0/depth2/filter-reg/twiddle-reg/nvrtc"},
    {"causal_4096_f16.cu", "causal/L4096/k4096/b64/h768/io-f16/f16/forward",
     "p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-reg/twiddle-reg/nvrtc"},
    {"circular_1280_bf16.cu", "circular/L1280/k1280/b64/h768/io-bf16/bf16/forward",
     "p3:5x16x16/fused/mma-bf16/rows1/warps5/loop0/depth2/filter-mem/twiddle-mem/nvrtc/paired"},
    {"bidirectional_14113_f32.cu", "bidirectional/L14113/k101/b1/h16/io-f32/f32/forward",
     "p4:4x16x16x16/fused/mma-split/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc"},
    {"causal_32768_f32.cu", "causal/L32768/k32768/b1/h16/io-f32/f32/forward",
     "p4:8x16x16x16/l2/mma-split/rows1/warps4/loop0/depth1/filter-mem/twiddle-mem/nvrtc"},
};

KernelSource emitted(const Golden& golden) {
  Result<Problem> problem = parse_problem(golden.problem);
  REQUIRE_MESSAGE(problem.ok(), (problem.ok() ? "" : problem.error().message));
  Result<KernelConfig> config = parse_config(golden.config);
  REQUIRE_MESSAGE(config.ok(), (config.ok() ? "" : config.error().message));
  Result<KernelSource> source = emit(*problem, *config, *facts_of_arch("sm_90a"));
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  return *source;
}

/// What stands before the templates and after them: the part that the generator writes itself.
std::string own_text(const std::string& text) {
  const std::size_t prelude = text.find("#ifndef FFTCONV_SIM"), constants = text.find("// ---- constants ----");
  const std::size_t engine = text.find("// ---- engine_"), kernel = text.find("// ---- convolution ----");
  const std::size_t spectrum = text.find("// ---- spectrum.cuh ----"),
                    last = text.find("// ---- filter spectrum ----");
  for (const std::size_t at : {prelude, constants, engine, kernel, spectrum, last}) REQUIRE(at != std::string::npos);
  return text.substr(0, prelude) + text.substr(constants, engine - constants) +
         text.substr(kernel, spectrum - kernel) + text.substr(last);
}

}  // namespace

TEST_CASE("the same problem and config give the same bytes, in any locale") {
  for (const Golden& golden : goldens) {
    const KernelSource once = emitted(golden);
    std::setlocale(LC_ALL, "de_DE.UTF-8");
    const KernelSource again = emitted(golden);
    std::setlocale(LC_ALL, "C");
    CHECK(once.text == again.text);
    CHECK(once.digest == again.digest);
    CHECK(once.tables == again.tables);
  }
}

TEST_CASE("the generator's own text equals the golden files (FFTCONV_UPDATE_GOLDEN=1 writes them anew)") {
  for (const Golden& golden : goldens) {
    const std::string path = std::string(FFTCONV_SOURCE_DIR) + "/tests/golden/" + golden.file;
    const std::string own = own_text(emitted(golden).text);
    if (std::getenv("FFTCONV_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(path) << own;
      continue;
    }
    std::ifstream in(path);
    REQUIRE_MESSAGE(in.good(), path);
    std::stringstream text;
    text << in.rdbuf();
    CHECK_MESSAGE(text.str() == own, path);
  }
}

TEST_CASE("the text does not depend on batch and channels, so that one binary serves all") {
  const KernelSource source = emitted(goldens[1]);
  Problem other = source.problem;
  other.batch = 3;
  other.channels = 17;
  Result<KernelSource> again = emit(other, source.config, *facts_of_arch("sm_90a"));
  REQUIRE(again.ok());
  CHECK(again->digest == source.digest);
  CHECK(again->convolution.grid != source.convolution.grid);
}

TEST_CASE("the text needs no include, names its constants and writes floats in hexadecimal") {
  for (const Golden& golden : goldens) {
    const std::string text = emitted(golden).text;
    CHECK(text.find("#include") == std::string::npos);
    CHECK(text.find("// problem  ") != std::string::npos);
    CHECK(text.find("constexpr int L = ") != std::string::npos);
    CHECK(text.rfind("// fftconv:", 0) == 0);
  }
  const std::string left_over = emitted(goldens[2]).text;
  CHECK(left_over.find("constexpr float FIRST_RE[5][5]") != std::string::npos);
  CHECK(left_over.find("0x1.") != std::string::npos);
}

TEST_CASE("a config that cannot compute the problem is refused with the reason") {
  const DeviceFacts device = *facts_of_arch("sm_90a");
  Problem problem = *parse_problem("causal/L4096/k4096/b4/h4/io-f16/f16/forward");
  const auto refusal = [&](const char* text) {
    Result<KernelSource> source = emit(problem, *parse_config(text), device);
    REQUIRE_FALSE(source.ok());
    CHECK(source.error().code == ErrorCode::unsupported);
    return source.error().message;
  };
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(contains(refusal("p3:8x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc"),
                 "below the sequence length"));
  CHECK(contains(refusal("p3:16x16x16/fused/mma-split/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc"),
                 "class f32"));
  CHECK(contains(refusal("p3:16x16x16/fused/mma-f16acc/rows8/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc"),
                 "threads"));
  CHECK(
      contains(refusal("p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc/paired"),
               "circular"));
  CHECK(contains(refusal("p3:7x32x32/fused/mma-f16acc/rows1/warps1/loop0/depth1/filter-mem/twiddle-mem/nvrtc"),
                 "radix 7"));
  problem.pregate = true;
  CHECK(contains(refusal("p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc"),
                 "gates"));
}
