// The CPU device against fp64: modes, lengths, types, gates, sharing, and what it refuses.
#include "cpu/host_compiler.h"
#include "cpu_support.h"
#include "thinned.h"

using namespace fftconv;
using namespace fftconv::cpu_test;

namespace {

constexpr Mode kModes[] = {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular};
constexpr DataType kTypes[] = {DataType::f32, DataType::f16, DataType::bf16};

KernelConfig default_of(const Problem& problem) {
  const Result<KernelConfig> config = cpu::default_config(problem, device().facts());
  REQUIRE_MESSAGE(config, to_string(problem));
  return *config;
}

/// Calls `f` with the stack `bytes` lower than it would stand.
template <class F>
[[gnu::noinline]] void on_shifted_stack(std::size_t bytes, const F& f) {
  auto* const place = static_cast<volatile char*>(__builtin_alloca(bytes + 1));
  place[0] = 0;
  f();
  place[bytes] = 0;
}

}  // namespace

TEST_CASE("every mode is right at lengths even, odd and prime") {
  for (std::int64_t seqlen :
       test::thinned({1, 2, 3, 5, 7, 16, 31, 100, 255, 256, 257, 1000, 1021, 4096, 4099, 14113, 32768, 65537})) {
    for (Mode mode : kModes) check_error(make_problem(mode, seqlen, seqlen));
  }
}

TEST_CASE("a row of four million samples is right") {
  Problem problem = make_problem(Mode::causal, std::int64_t{1} << 22, 5000);
  problem.batch = problem.channels = 1;
  check_error(problem);
}

TEST_CASE("fp16 and bf16 samples are rounded once") {
  for (DataType io : {DataType::f16, DataType::bf16}) {
    for (Mode mode : kModes) {
      for (std::int64_t seqlen : test::thinned({31, 1, 257, 1021}))
        check_error(make_problem(mode, seqlen, seqlen, io));
    }
  }
}

TEST_CASE("filters shorter and longer than the row are right") {
  for (Mode mode : kModes) {
    for (std::int64_t seqlen : test::thinned({1021, 5, 256})) {
      check_error(make_problem(mode, seqlen, 1));
      check_error(make_problem(mode, seqlen, seqlen / 3 + 1));
    }
  }
  for (std::int64_t seqlen : {1, 5, 256, 1021})
    check_error(make_problem(Mode::bidirectional, seqlen, 2 * seqlen - 1));
}

TEST_CASE("the gradient of the input is right") {
  for (Mode mode : kModes) {
    for (std::int64_t seqlen : test::thinned({1000, 1, 7, 256})) {
      Problem problem = make_problem(mode, seqlen, seqlen);
      problem.direction = Direction::backward_input;
      check_error(problem);
      problem.filter_len = seqlen / 2 + 1;
      check_error(problem);
    }
  }
}

TEST_CASE("candidates of a problem are right") {
  Problem circular = make_problem(Mode::circular, 256, 100),
          short_filter = make_problem(Mode::bidirectional, 1021, 77), many_rows = make_problem(Mode::causal, 20, 20),
          long_row = make_problem(Mode::anticausal, 33000, 33000);
  short_filter.io = DataType::f16;
  many_rows.batch = 37;
  long_row.batch = 2;
  for (const Problem& problem : {circular, short_filter, many_rows, long_row}) {
    // More of the short rows, whose compilers and references are quick.
    const std::size_t wanted = (problem.seqlen > 300 ? 6 : 16) / (test::kSanitized ? 2 : 1);
    const auto configs = some_candidates(problem, device().facts(), wanted);
    CHECK(configs.size() >= wanted / 2);
    for (const KernelConfig& config : configs) check_error(problem, config);
  }
}

TEST_CASE("every radix and every width of a leaf is right") {
  const Problem problem = make_problem(Mode::causal, 200, 200);
  const std::vector<std::pair<std::vector<int>, std::pair<int, int>>> shapes = {
      // radices, {lanes, rows}
      {{2, 128}, {16, 1}},   {{3, 2, 64}, {16, 1}},   {{5, 64}, {16, 1}},       {{7, 32}, {16, 2}},
      {{8, 32}, {16, 2}},    {{5, 3, 16}, {16, 4}},   {{7, 32}, {16, 4}},       {{7, 4, 8}, {16, 8}},
      {{5, 3, 16}, {16, 8}}, {{4, 13 * 4}, {16, 16}}, {{5, 5, 8}, {16, 16}},    {{4, 7, 8}, {16, 16}},
      {{7, 5, 7}, {16, 16}}, {{8, 5, 5}, {16, 16}},   {{7, 32}, {8, 1}},        {{4, 64}, {8, 1}},
      {{7, 2, 16}, {8, 2}},  {{5, 5, 8}, {8, 4}},     {{5, 5, 8}, {8, 8}},      {{7, 2, 16}, {4, 1}},
      {{7, 32}, {4, 1}},     {{5, 5, 8}, {4, 2}},     {{3, 3, 5, 5, 1}, {4, 4}}};
  for (const auto& [radices, vectors] : shapes) {
    KernelConfig config = default_of(problem);
    config.radices = radices;
    config.lanes = vectors.first;
    config.rows = vectors.second;
    if (radices.back() == 52) {
      CHECK_FALSE(cpu::check_legal(problem, config, device().facts()).ok());
      continue;
    }
    if (config.lanes > device().facts().vector_lanes) continue;
    config.twiddle = config.rows == 2 || radices.size() > 2 ? Residency::registers : Residency::memory;
    config.interleave = radices.back() > 4 * config.lanes / config.rows ? 1 : 4;
    check_error(problem, config);
  }
}

TEST_CASE("kernels for processors with narrower vectors are right") {
  for (const char* arch : {"x86-64-avx2", "x86-64"}) {
    if (!make_cpu_device(1, arch)) {
      MESSAGE("skipped: this processor does not run ", arch);
      continue;
    }
    CHECK(device(arch).facts().arch == arch);
    for (DataType io : kTypes) {
      for (Mode mode : {Mode::bidirectional, Mode::circular}) {
        const Problem problem = make_problem(mode, 77, 77, io);
        for (const KernelConfig& config : some_candidates(problem, device(arch).facts(), test::kSanitized ? 1 : 3)) {
          const double error = error_of(problem, config, device(arch));
          CHECK_MESSAGE(error <= allowed(problem), to_string(problem), " ", to_string(config), ": error ", error);
        }
      }
    }
  }
  CHECK(make_cpu_device(1, "sm_90a").error().code == ErrorCode::device_missing);
}

TEST_CASE("stores round to nearest even, keep subnormals and overflow to infinity") {
  // A filter of zeros and a skip of 1.5: y is 1.5 u, rounded once. Every other mantissa is a tie.
  for (const char* arch : {"", "x86-64"}) {
    if (!make_cpu_device(1, arch)) continue;
    for (DataType io : {DataType::f16, DataType::bf16}) {
      Problem problem = make_problem(Mode::causal, 5000, 1, io);
      problem.skip = true;
      Data data(problem);
      const Result<KernelConfig> config = cpu::default_config(problem, device(arch).facts());
      REQUIRE(config);
      const float zeros[2] = {0, 0}, weights[2] = {1.5f, 1.5f};
      KernelArgs args = data.args();
      args.filter = zeros;
      args.skip = weights;
      std::mt19937_64 random(seed());
      std::vector<std::uint16_t> u(30000);
      for (std::uint16_t& bits : u) {
        bits = static_cast<std::uint16_t>(random());
        const double value = io == DataType::f16 ? from_f16(bits) : from_bf16(bits);
        if (!(std::abs(value) < 1e30)) bits = 1;  // no infinities and NaNs, nothing that a transform overflows on
      }
      args.u = u.data();
      const Result<Ready> ready = prepare(problem, *config, args, device(arch));
      REQUIRE(ready);
      REQUIRE(ready->kernel->launch(ready->source.convolution, ready->with(args), nullptr));
      const auto* y = static_cast<const std::uint16_t*>(args.y);
      int wrong = 0;
      for (std::size_t i = 0; i < u.size(); ++i) {
        const double exact = 1.5 * (io == DataType::f16 ? from_f16(u[i]) : from_bf16(u[i]));
        const std::uint16_t expected = io == DataType::f16 ? to_f16(exact) : to_bf16(exact);
        if (y[i] != expected && (y[i] | expected) != 0x8000) ++wrong;  // the sign of a zero may go
      }
      CHECK_MESSAGE(wrong == 0, to_string(io), " on '", arch, "'");
    }
  }
}

TEST_CASE("gates and skip are applied") {
  for (DataType io : kTypes) {
    for (int bits = io == DataType::f32 ? 1 : 7; bits < 8; ++bits) {
      Problem problem = make_problem(Mode::causal, 257, 100, io);
      problem.pregate = bits & 1;
      problem.postgate = bits & 2;
      problem.skip = bits & 4;
      check_error(problem);
    }
  }
  Problem problem = make_problem(Mode::circular, 256, 256);
  problem.pregate = problem.postgate = problem.skip = true;
  for (const KernelConfig& config : some_candidates(problem, device().facts(), 16)) {
    if ((config.paired || config.rows > 1) && config.interleave == 1) check_error(problem, config);
  }
}

TEST_CASE("filters of a group and of an example are found") {
  Problem groups = make_problem(Mode::causal, 100, 100), examples = groups;
  groups.channels = 6;
  groups.sharing = FilterSharing::per_group;
  groups.groups = 2;
  check_error(groups);
  examples.sharing = FilterSharing::per_example;
  check_error(examples);
  for (const KernelConfig& config : cpu::candidates(examples, device().facts())) CHECK(config.rows == 1);
}

TEST_CASE("streaming stores work where y is not aligned for them") {
  Problem problem = make_problem(Mode::causal, 4096, 4096);
  KernelConfig config = default_of(problem);
  config.streaming = true;
  check_error(problem, config);  // Data puts y at whatever malloc gives, plus 192 bytes
  Data data(problem);
  const Result<Ready> ready = prepare(problem, config, data.args());
  REQUIRE(ready);
  const auto bytes = static_cast<std::size_t>(problem.batch * problem.channels * problem.seqlen) * 4;
  const auto aligned = device().allocate(bytes + 64);
  REQUIRE(aligned);
  std::vector<std::vector<std::byte>> results;
  for (std::size_t shift : {0, 4}) {
    KernelArgs args = ready->with(data.args());
    auto* y = static_cast<std::byte*>((*aligned)->data()) + shift;
    args.y = y;
    REQUIRE(ready->kernel->launch(ready->source.convolution, args, nullptr));
    results.emplace_back(y, y + bytes);
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("a kernel's entries may be called on any stack") {
  const auto compiler = make_component_compiler();
  if (!compiler) {
    MESSAGE("skipped: ", compiler.error().message);
    return;
  }
  // Nodes of radix 8 spill vectors, also where they make spectra, and a kernel expects those to be aligned.
  KernelConfig config = default_of(make_problem(Mode::causal, 1000, 1000));
  config.radices = {8, 8, 4 * config.lanes};
  config.rows = 1;
  config.interleave = 2;
  const Problem problem = make_problem(Mode::causal, 256 * config.lanes, 1000);
  Data data(problem);
  const Result<Ready> ready = prepare(problem, config, data.args());
  REQUIRE(ready);
  const auto compiled = (*compiler)->compile(ready->source);
  REQUIRE(compiled);
  const auto linked = (*compiler)->link(ready->source, *compiled);
  REQUIRE(linked);
  using Entry = void (*)(const KernelArgs*, long, long, float*);
  const auto spectrum = reinterpret_cast<Entry>((*linked)->symbol("fftconv_spectrum"));
  const auto convolution = reinterpret_cast<Entry>((*linked)->symbol("fftconv_convolution"));
  REQUIRE((spectrum != nullptr && convolution != nullptr));
  const auto scratch = device().allocate(static_cast<std::size_t>(ready->source.convolution.shared_bytes));
  REQUIRE(scratch);
  const KernelArgs args = ready->with(data.args());
  auto* const z = static_cast<float*>((*scratch)->data());
  for (std::size_t shift = 0; shift < 64; shift += 16) {
    std::memset(ready->spectrum->data(), 0, static_cast<std::size_t>(ready->source.spectrum_bytes));
    on_shifted_stack(shift, [&] {
      spectrum(&args, 0, problem.channels, z);
      convolution(&args, 0, ready->source.convolution.grid[0], z);
    });
    CHECK(data.error() <= allowed(problem));
  }
}

TEST_CASE("samples take time, cold and warm, and compute") {
  const Problem problem = make_problem(Mode::causal, 1000, 1000);
  Data data(problem);
  const Result<Ready> ready = prepare(problem, default_of(problem), data.args());
  REQUIRE(ready);
  for (bool cold : {false, true}) {
    const auto sample = device().sample(*ready->kernel, ready->source.convolution, ready->with(data.args()), cold);
    REQUIRE(sample);
    CHECK(sample->seconds > 0);
    CHECK(sample->seconds < 10);
  }
  CHECK(data.error() <= allowed(problem));
}

TEST_CASE("facts of the host are filled in") {
  const DeviceFacts& facts = device().facts();
  CHECK(facts.kind == DeviceKind::cpu);
  CHECK_FALSE(facts.name.empty());
  CHECK((facts.arch == "x86-64-avx512" || facts.arch == "x86-64-avx2" || facts.arch == "x86-64" ||
         facts.arch == "aarch64"));
  CHECK(facts.sm_count == 2);
  CHECK(facts.measured);
  CHECK(facts.vector_lanes >= 4);
  CHECK(facts.clock_hz > 1e8);
  CHECK(facts.clock_hz < 1e10);
  CHECK(facts.fma_f32_flops > 1e9);
  CHECK(facts.memory_bytes_per_s > 1e8);
  CHECK(facts.shared_per_sm >= 8 << 10);
  CHECK(facts.l2_bytes >= facts.shared_per_block);
  CHECK(device().compiler_version().starts_with("clang 19"));
  CHECK_FALSE(device().driver_version().empty());
}

TEST_CASE("what makes no sense is refused with a sentence") {
  const Problem problem = make_problem(Mode::causal, 100, 100);
  Data data(problem);
  Result<Ready> ready = prepare(problem, default_of(problem), data.args());
  REQUIRE(ready);
  const auto code = [&](const KernelEntry& entry, const KernelArgs& args) {
    const Result<void> launched = ready->kernel->launch(entry, args, nullptr);
    REQUIRE_FALSE(launched.ok());
    CHECK(launched.error().message.ends_with("."));
    return launched.error().code;
  };
  KernelArgs args = ready->with(data.args());
  KernelEntry unknown = ready->source.convolution;
  unknown.name = "nothing";
  CHECK(code(unknown, args) == ErrorCode::invalid_argument);
  for (auto member : {&KernelArgs::u, &KernelArgs::tables}) {
    KernelArgs without = args;
    without.*member = nullptr;
    CHECK(code(ready->source.convolution, without) == ErrorCode::invalid_argument);
  }
  KernelArgs without_filter = args;
  without_filter.filter = nullptr;
  CHECK(code(ready->source.spectrum, without_filter) == ErrorCode::invalid_argument);

  KernelSource other = ready->source;
  other.arch = "x86-64-other";
  CHECK(device().compile(other).error().code == ErrorCode::invalid_argument);
  KernelSource broken = ready->source;
  broken.text += "\nthis is not C++\n";
  CHECK(device().compile(broken).error().code == ErrorCode::compile_failed);
  CompiledKernel empty;
  CHECK(device().load(ready->source, empty).error().code == ErrorCode::damaged);
  CHECK(make_cpu_device(-1).error().code == ErrorCode::invalid_argument);
}
