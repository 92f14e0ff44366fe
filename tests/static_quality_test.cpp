// What can be said of the kernels without a GPU, for the model's first choice at each length on sm_90a: no spills,
// the algorithm's number of matrix products, bank conflicts and sectors near the ideal, instructions as estimated.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>

#include "convolution_check.h"
#include "fftconv/cost_model.h"
#include "fftconv/kernel_counts.h"
#include "fftconv/llvm_component.h"
#include "fftconv/nvrtc.h"
#include "fftconv/sim_device.h"
#include "row_loop.h"

using namespace fftconv;

namespace {

Problem problem(std::int64_t length, std::int64_t batch, std::int64_t channels) {
  Problem p;
  p.seqlen = p.filter_len = length;
  p.batch = batch;
  p.channels = channels;
  p.io = DataType::f16;
  p.precision = Precision::f16;
  return p;
}

/// The convolution entry of a kernel for sm_90a.
CubinKernel machine_code(LlvmComponent& llvm, const CompiledKernel& kernel) {
  const auto kernels = llvm.read_cubin(kernel.binary);
  REQUIRE(kernels.ok());
  const auto entry = std::find_if(kernels->begin(), kernels->end(),
                                  [](const CubinKernel& each) { return each.name == "fftconv_convolution"; });
  REQUIRE(entry != kernels->end());
  return *entry;
}

/// Real multiply-adds of the algorithm over M points, in products of 16 x 8 x 16: a dense DFT of N points costs 4 N a
/// point (2 N in the first stage of real rows and the last that gives real rows), forward and inverse. A digit of 2,
/// 4 or 8 points fills a product of 16.
double algorithm_products(const KernelConfig& config) {
  double multiply_adds = 0;
  const auto m = static_cast<double>(transform_length(config));
  for (std::size_t d = 0; d < config.radices.size(); ++d) {
    const int radix = config.radices[d];
    if (radix == 3 || radix == 5) continue;  // on CUDA cores
    multiply_adds += 2 * m * std::max(radix, 16) * (d == 0 ? 2 : 4);
  }
  return multiply_adds / 2048;
}

constexpr std::int64_t lengths[] = {256, 512, 1024, 2048, 4096, 8192, 16384, 32768};

/// The model's first choice, compiled; once for all cases.
struct FirstChoice {
  KernelConfig config;
  CompiledKernel kernel;
};

const FirstChoice& first_choice(const Problem& p, const DeviceFacts& device) {
  static std::map<std::string, FirstChoice> made;
  if (const auto found = made.find(to_string(p)); found != made.end()) return found->second;
  const std::vector<Ranked> ranked = rank(p, device);
  REQUIRE_FALSE(ranked.empty());
  const KernelConfig& config = ranked.front().config;
  Result<KernelSource> source = emit(p, config, device);
  REQUIRE(source.ok());
  Result<CompiledKernel> kernel = nvrtc_compile(*source, device.arch, BinaryFormat::cubin);
  REQUIRE_MESSAGE(kernel.ok(), (kernel.ok() ? "" : kernel.error().message));
  return made[to_string(p)] = {config, std::move(*kernel)};
}

}  // namespace

TEST_CASE("the model's first choice spills no register") {
  if (Result<std::string> version = nvrtc_version(); !version) {
    MESSAGE("skipped: " << version.error().message);
    return;
  }
  const DeviceFacts device = *facts_of_arch("sm_90a");
  struct Kind {
    DataType io;
    Precision precision;
  };
  std::vector<Problem> problems;
  for (const std::int64_t length : lengths) problems.push_back(problem(length, 64, 768));
  for (const std::int64_t length : lengths) problems.push_back(problem(length, 1, 1));
  for (const Kind kind : {Kind{DataType::bf16, Precision::bf16}, Kind{DataType::f32, Precision::f32}}) {
    for (const std::int64_t length : {256, 1024, 4096, 16384}) {
      problems.push_back(problem(length, 64, 768));
      problems.back().io = kind.io;
      problems.back().precision = kind.precision;
    }
  }
  for (const Problem& p : problems) {
    const FirstChoice& choice = first_choice(p, device);
    const KernelCounts counts = count(p, choice.config, device);
    INFO(fmt::format("{} {}", to_string(p), to_string(choice.config)));
    MESSAGE(fmt::format("L {:5} {} registers {} (needed {}) spills {}", p.seqlen, to_string(choice.config),
                        choice.kernel.registers, counts.registers, choice.kernel.spill_bytes));
    CHECK(choice.kernel.spill_bytes == 0);
    CHECK(choice.kernel.registers > 0);
  }
}

TEST_CASE("the estimated instructions of the model's first choice are those of the machine code's row loop") {
  const auto llvm = llvm_component();
  if (!llvm || !nvrtc_version()) {
    MESSAGE("skipped: " << (llvm ? nvrtc_version().error().message : llvm.error().message));
    return;
  }
  const DeviceFacts device = *facts_of_arch("sm_90a");
  double squares = 0;
  for (const std::int64_t length : lengths) {
    const Problem p = problem(length, 64, 768);
    const FirstChoice& choice = first_choice(p, device);
    INFO("L " << length << " " << to_string(choice.config));
    const std::optional<double> counted =
        tools::machine_slots_per_point(machine_code(**llvm, choice.kernel), choice.config);
    REQUIRE(counted);
    const KernelCounts counts = count(p, choice.config, device);
    const double estimated = 32 * counts.instructions / counts.complex_points;
    MESSAGE(fmt::format("L {:5} issue slots a point: {:.1f} estimated, {:.1f} in machine code, budget 27.6", length,
                        estimated, *counted));
    CHECK(estimated == doctest::Approx(*counted).epsilon(0.2));
    squares += (estimated / *counted - 1) * (estimated / *counted - 1) / std::size(lengths);
  }
  CHECK(std::sqrt(squares) <= 0.1);
}

TEST_CASE("in machine code the next row is on its way while this one is computed, where the pipeline is two deep") {
  const auto llvm = llvm_component();
  if (!llvm || !nvrtc_version()) {
    MESSAGE("skipped: " << (llvm ? nvrtc_version().error().message : llvm.error().message));
    return;
  }
  const DeviceFacts device = *facts_of_arch("sm_90a");
  for (const std::int64_t length : {1024, 4096}) {
    const Problem p = problem(length, 64, 768);
    KernelConfig config = first_choice(p, device).config;
    for (const int depth : {1, 2}) {
      config.depth = depth;
      INFO("L " << length << " " << to_string(config));
      const Result<KernelSource> source = emit(p, config, device);
      REQUIRE(source.ok());
      const Result<CompiledKernel> kernel = nvrtc_compile(*source, device.arch, BinaryFormat::cubin);
      REQUIRE(kernel.ok());
      const CubinKernel code = machine_code(**llvm, *kernel);
      // The row loop, and in it the last start of a copy, the last wait for one and the first product.
      const auto longest = std::max_element(
          code.loops.begin(), code.loops.end(),
          [](const CubinLoop& a, const CubinLoop& b) { return a.last - a.first < b.last - b.first; });
      REQUIRE(longest != code.loops.end());
      const auto begin = code.code.begin() + longest->first, end = code.code.begin() + longest->last;
      const auto last = [&](const std::string& mnemonic) {
        return std::find(std::make_reverse_iterator(end), std::make_reverse_iterator(begin), mnemonic).base() - begin;
      };
      const auto copy = last("LDGSTS"), wait = last("DEPBAR"), product = std::find(begin, end, "HMMA") - begin;
      REQUIRE(copy > 0);
      REQUIRE(wait > 0);
      CHECK(wait < product);
      CHECK((depth == 2) == (wait < copy));
      CHECK(copy < product);
    }
  }
}

TEST_CASE("products, bank conflicts and sectors of the model's first choice, counted by the simulation") {
  SimOptions options;
  Result<std::shared_ptr<SimDevice>> sim = open_sim(options);
  REQUIRE_MESSAGE(sim.ok(), (sim.ok() ? "" : sim.error().message));
  for (const std::int64_t length : lengths) {
    const KernelConfig config = rank(problem(length, 64, 768), (*sim)->facts()).front().config;
    const Problem p = problem(length, 2, 1);  // the text is the same for every batch
    INFO("L " << length << " " << to_string(config));
    const test::Outcome outcome = test::check_convolution(**sim, p, config, 7);
    CHECK_MESSAGE(outcome.failure.empty(), outcome.failure);
    CHECK(outcome.error <= error_budget(p));
    const SimCounters seen = (*sim)->last_report().counters;
    const double rows = static_cast<double>(p.batch * p.channels);
    const double points = rows * static_cast<double>(transform_length(config));
    const double conflicts = static_cast<double>(seen.shared_wavefronts) / static_cast<double>(seen.shared_ideal);
    const double sectors = static_cast<double>(seen.global_sectors) / static_cast<double>(seen.global_ideal);
    const KernelCounts counts = count(p, config, (*sim)->facts());
    MESSAGE(
        fmt::format("L {:5} {} products {} conflicts {:.3f} sectors {:.3f} shared bytes a point {:.1f} of 27.6, "
                    "issue slots a point (estimated) {:.1f} of 27.6",
                    length, to_string(config), seen.mma, conflicts, sectors,
                    static_cast<double>(seen.shared_bytes) / points, 32 * counts.instructions / points));
    CHECK(static_cast<double>(seen.mma) == rows * algorithm_products(config));
    CHECK(counts.mma == doctest::Approx(static_cast<double>(seen.mma)));
    CHECK(counts.shared_bytes == doctest::Approx(static_cast<double>(seen.shared_bytes)).epsilon(0.02));
    // 4 bytes in and out of a slot of rows each way; an exchange writes and reads 4 bytes of a point.
    const double exchanges = (static_cast<double>(seen.shared_bytes) / points - 8) / 8;
    CHECK(exchanges <= (length <= 4096 ? 2 : 4));  // there and back
    CHECK(conflicts <= 1.1);
    CHECK(sectors <= 1.05);
  }
}

TEST_CASE("every architecture compiles the family") {
  if (Result<std::string> version = nvrtc_version(); !version) {
    MESSAGE("skipped: " << version.error().message);
    return;
  }
  for (const std::string& arch : known_archs()) {
    const DeviceFacts device = *facts_of_arch(arch);
    for (const std::int64_t length : {1000, 4096}) {
      const Problem p = problem(length, 64, 768);
      Result<KernelSource> source = emit(p, rank(p, device).front().config, device);
      REQUIRE(source.ok());
      Result<CompiledKernel> kernel = nvrtc_compile(*source, arch, BinaryFormat::cubin);
      CHECK_MESSAGE(kernel.ok(), arch);
      if (kernel.ok()) CHECK(kernel->spill_bytes == 0);
    }
  }
}
