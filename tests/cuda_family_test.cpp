// Every kind of kernel of the fused CUDA family, run in the simulation with all checks and compared with fp64.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "convolution_check.h"
#include "fftconv/plan.h"
#include "fftconv/search_space.h"
#include "fftconv/sim_device.h"
#include "thinned.h"

using namespace fftconv;

namespace {

constexpr std::uint64_t seed = 20261124;

std::shared_ptr<SimDevice> simulation(const std::string& arch = "sm_90a", SimMode mode = SimMode::vector) {
  SimOptions options;
  options.arch = arch;
  options.mode = mode;
  Result<std::shared_ptr<SimDevice>> sim = open_sim(options);
  REQUIRE_MESSAGE(sim.ok(), (sim.ok() ? "" : sim.error().message));
  return *sim;
}

Problem problem(Mode mode, std::int64_t seqlen, DataType io, Precision precision, std::int64_t batch = 2,
                std::int64_t channels = 2) {
  Problem p;
  p.mode = mode;
  p.seqlen = seqlen;
  p.filter_len = mode == Mode::bidirectional ? 2 * seqlen - 1 : seqlen;
  p.batch = batch;
  p.channels = channels;
  p.io = io;
  p.precision = precision;
  return p;
}

KernelConfig config(std::string_view text) {
  Result<KernelConfig> parsed = parse_config(text);
  REQUIRE_MESSAGE(parsed.ok(), (parsed.ok() ? "" : parsed.error().message));
  return *parsed;
}

void expect_right(SimDevice& sim, const Problem& p, const KernelConfig& c) {
  INFO("problem " << to_string(p) << ", config " << to_string(c) << ", seed " << seed);
  const test::Outcome outcome = test::check_convolution(sim, p, c, seed);
  CHECK_MESSAGE(outcome.failure.empty(), outcome.failure);
  MESSAGE(fmt::format("{} {} error {:.2e} of {:.2e}", to_string(p), to_string(c), outcome.error, error_budget(p)));
  CHECK(outcome.error <= error_budget(p));
  // No row may hide behind the others: a row's own error varies little about the whole's.
  CHECK(outcome.worst_row <= 3 * error_budget(p));
}

void expect_default_right(SimDevice& sim, const Problem& p) {
  Result<KernelConfig> c = default_config(p, sim.facts());
  REQUIRE_MESSAGE(c.ok(), (c.ok() ? "" : c.error().message));
  expect_right(sim, p, *c);
}

}  // namespace

TEST_CASE("every mode, causal to circular, at odd, prime and tiny lengths") {
  auto sim = simulation();
  for (const Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
    for (const std::int64_t length : test::thinned({1, 2, 3, 31, 255, 256, 257, 1000, 1021})) {
      expect_default_right(*sim, problem(mode, length, DataType::f16, Precision::f16));
    }
  }
}

TEST_CASE("every I/O type in every precision class") {
  auto sim = simulation();
  for (const DataType io : {DataType::f16, DataType::bf16, DataType::f32}) {
    for (const Precision precision : {Precision::f16, Precision::bf16, Precision::f32}) {
      expect_default_right(*sim, problem(Mode::causal, 1000, io, precision));
      expect_default_right(*sim, problem(Mode::circular, 256, io, precision, 3, 1));
      expect_default_right(*sim, problem(Mode::bidirectional, 4099, io, precision, 1, 1));
    }
  }
}

TEST_CASE("both accumulators of fp16") {
  auto sim = simulation();
  const Problem p = problem(Mode::causal, 4096, DataType::f16, Precision::f16, 2, 1);
  expect_right(*sim, p,
               config("p3:16x16x16/fused/mma-f16acc/rows1/warps8/loop0/depth2/filter-mem/twiddle-mem/nvrtc"));
  expect_right(*sim, p,
               config("p3:16x16x16/fused/mma-f32acc/rows1/warps8/loop0/depth2/filter-mem/twiddle-mem/nvrtc"));
}

TEST_CASE("long rows, order 3 and 4") {
  auto sim = simulation();
  for (const std::int64_t length : test::thinned({8192, 14113, 16384, 20011, 32749, 32768})) {
    expect_default_right(*sim, problem(Mode::causal, length, DataType::f16, Precision::f16, 1, 1));
  }
  expect_default_right(*sim, problem(Mode::circular, 32768, DataType::bf16, Precision::bf16, 1, 1));
  expect_default_right(*sim, problem(Mode::causal, 16384, DataType::f32, Precision::f32, 1, 1));
}

TEST_CASE("every radix, as outer digit and in the core") {
  auto sim = simulation();
  for (const char* radices : test::thinned(
           {"p2:32x16",      "p2:16x32",      "p2:32x32",      "p2:48x16",      "p2:16x64",      "p2:64x16",
            "p3:2x16x16",    "p3:3x16x16",    "p3:4x16x16",    "p3:5x16x16",    "p3:8x16x16",    "p3:32x16x16",
            "p3:48x16x16",   "p3:64x16x16",   "p3:16x32x16",   "p3:16x16x32",   "p3:16x32x32",   "p3:3x48x16",
            "p4:2x3x16x16",  "p4:5x4x16x16",  "p4:3x16x16x16", "p4:16x3x16x16", "p4:16x4x16x16", "p4:2x32x16x16",
            "p4:8x16x16x16", "p4:16x8x16x16", "p4:4x8x32x16"})) {
    const int order = radices[1] - '0';
    KernelConfig c = config(fmt::format("{}/fused/mma-f16acc/rows1/warps{}/loop0/depth1/filter-mem/twiddle-mem/nvrtc",
                                        radices, order == 2 ? 1 : 2));
    const std::int64_t length = transform_length(c) - 3;
    expect_right(*sim, problem(Mode::causal, length, DataType::f16, Precision::f16, 1, 1), c);
  }
}

TEST_CASE("left-over digits with fp32 values split in two") {
  auto sim = simulation();
  for (const char* radices : {"p3:5x16x16", "p3:16x16x16", "p4:3x2x16x16", "p4:2x16x16x16", "p2:32x16"}) {
    const int order = radices[1] - '0';
    KernelConfig c = config(fmt::format("{}/fused/mma-split/rows1/warps{}/loop0/depth1/filter-mem/twiddle-mem/nvrtc",
                                        radices, order == 2 ? 1 : 2));
    expect_right(*sim, problem(Mode::causal, transform_length(c), DataType::f32, Precision::f32, 2, 1), c);
  }
}

TEST_CASE("two circular rows in one transform, an odd row left over") {
  auto sim = simulation();
  for (const auto& [length, text] :
       {std::pair{256, "p2:16x16/fused/mma-f16acc/rows2/warps1/loop0/depth2/filter-reg/twiddle-reg/nvrtc/paired"},
        std::pair{1280, "p3:5x16x16/fused/mma-f16acc/rows1/warps5/loop0/depth1/filter-mem/twiddle-mem/nvrtc/paired"},
        std::pair{4096, "p3:16x16x16/fused/mma-f16acc/rows1/warps4/loop0/depth2/filter-reg/twiddle-reg/nvrtc/paired"},
        std::pair{8192,
                  "p4:2x16x16x16/fused/mma-f32acc/rows1/warps8/loop0/depth1/filter-mem/twiddle-mem/nvrtc/paired"}}) {
    expect_right(*sim, problem(Mode::circular, length, DataType::f16, Precision::f16, 3, 2), config(text));
  }
}

TEST_CASE("rows in flight, warps, depth, loops and resident constants change nothing but the schedule") {
  auto sim = simulation();
  for (const char* schedule :
       {"rows1/warps1/loop0/depth1/filter-mem/twiddle-mem", "rows4/warps2/loop0/depth1/filter-mem/twiddle-mem",
        "rows2/warps4/loop0/depth2/filter-reg/twiddle-mem", "rows2/warps4/loop2/depth3/filter-reg/twiddle-reg",
        "rows3/warps2/loop1/depth2/filter-mem/twiddle-mem", "rows1/warps3/loop0/depth2/filter-mem/twiddle-mem"}) {
    expect_right(*sim, problem(Mode::causal, 1000, DataType::f16, Precision::f16, 7, 2),
                 config(fmt::format("p3:4x16x16/fused/mma-f16acc/{}/nvrtc", schedule)));
  }
  expect_right(*sim, problem(Mode::causal, 200, DataType::f16, Precision::f16, 7, 3),
               config("p2:16x16/fused/mma-f16acc/rows4/warps1/loop0/depth3/filter-reg/twiddle-reg/nvrtc"));
}

TEST_CASE("filters shorter than the row, shared by groups, and one for each example") {
  auto sim = simulation();
  Problem p = problem(Mode::causal, 1000, DataType::f16, Precision::f16, 3, 4);
  p.filter_len = 37;
  expect_default_right(*sim, p);
  p.sharing = FilterSharing::per_group;
  p.groups = 2;
  expect_default_right(*sim, p);
  p.sharing = FilterSharing::per_example;
  p.groups = 1;
  expect_default_right(*sim, p);
  p.mode = Mode::bidirectional;
  p.sharing = FilterSharing::per_channel;
  p.filter_len = 6;
  expect_default_right(*sim, p);
}

TEST_CASE("the gradient of the input is the same kernel with reversed lags") {
  auto sim = simulation();
  for (const Mode mode : {Mode::causal, Mode::anticausal, Mode::bidirectional, Mode::circular}) {
    Problem p = problem(mode, 500, DataType::f16, Precision::f16);
    p.direction = Direction::backward_input;
    p.filter_len = 301;
    expect_default_right(*sim, p);
  }
}

TEST_CASE("one fiber a thread in random order gives the same result") {
  auto sim = simulation("sm_90a", SimMode::fiber);
  expect_default_right(*sim, problem(Mode::causal, 255, DataType::f16, Precision::f16, 3, 1));
  expect_right(*sim, problem(Mode::causal, 1000, DataType::f16, Precision::f16, 3, 1),
               config("p3:4x16x16/fused/mma-f16acc/rows2/warps2/loop0/depth2/filter-reg/twiddle-reg/nvrtc"));
  expect_right(*sim, problem(Mode::causal, 1281, DataType::f32, Precision::f32, 2, 1),
               config("p4:3x2x16x16/fused/mma-split/rows1/warps2/loop0/depth1/filter-mem/twiddle-mem/nvrtc"));
  expect_right(*sim, problem(Mode::circular, 4096, DataType::f16, Precision::f16, 3, 1),
               config("p3:16x16x16/fused/mma-f16acc/rows1/warps4/loop0/depth2/filter-reg/twiddle-reg/nvrtc/paired"));
}

TEST_CASE("rows too large for shared memory are computed residue by residue, on parts with 99 KB too") {
  auto hopper = simulation();
  for (const Mode mode : {Mode::causal, Mode::circular}) {
    expect_default_right(*hopper, problem(mode, 32768, DataType::f32, Precision::f32, 1, 1));
  }
  expect_default_right(*hopper, problem(Mode::causal, 32749, DataType::f32, Precision::f32, 1, 1));
  expect_default_right(*hopper, problem(Mode::causal, 32768, DataType::f32, Precision::f16, 2, 1));
  auto ada = simulation("sm_89");
  expect_default_right(*ada, problem(Mode::causal, 16000, DataType::f16, Precision::f16, 1, 1));
  expect_default_right(*ada, problem(Mode::causal, 32768, DataType::f16, Precision::f16, 1, 1));
  expect_default_right(*ada, problem(Mode::bidirectional, 30011, DataType::bf16, Precision::bf16, 1, 1));
  expect_default_right(*ada, problem(Mode::causal, 16384, DataType::f32, Precision::f32, 1, 1));
}

TEST_CASE("residues: every number of them, both kinds of inner digit, shared by several warps and rows") {
  auto sim = simulation();
  for (const char* text : {"p4:2x16x16x16/l2/mma-f16acc/rows1/warps8", "p4:3x16x16x16/l2/mma-f16acc/rows2/warps4",
                           "p4:4x32x16x16/l2/mma-f32acc/rows1/warps16", "p4:5x4x16x16/l2/mma-f16acc/rows1/warps4",
                           "p4:8x8x32x16/l2/mma-f16acc/rows1/warps8", "p4:16x2x16x16/l2/mma-f16acc/rows1/warps2"}) {
    const KernelConfig c = config(fmt::format("{}/loop0/depth1/filter-mem/twiddle-mem/nvrtc", text));
    expect_right(*sim, problem(Mode::causal, transform_length(c) - 5, DataType::f16, Precision::f16, 3, 1), c);
  }
}

TEST_CASE("residues reach beyond 32768") {
  auto sim = simulation();
  expect_default_right(*sim, problem(Mode::causal, 100003, DataType::f16, Precision::f16, 1, 1));
  expect_default_right(*sim, problem(Mode::circular, 65536, DataType::f32, Precision::f32, 1, 1));
}

TEST_CASE("lengths beyond the family are refused by name") {
  auto sim = simulation();
  const Problem p = problem(Mode::causal, 1 << 22, DataType::f16, Precision::f16, 1, 1);
  CHECK(search_space(p, sim->facts()).configs.empty());
  Result<KernelConfig> none = default_config(p, sim->facts());
  REQUIRE_FALSE(none.ok());
  CHECK_FALSE(none.error().message.empty());
}

TEST_CASE("a plan refuses addresses that its kernel's accesses cannot take") {
  Result<std::shared_ptr<Device>> device = open_device(DeviceKind::sim);
  REQUIRE(device.ok());
  ContextOptions options;
  options.use_disk = false;
  Result<std::shared_ptr<Context>> context = Context::create(*device, options);
  REQUIRE(context.ok());
  const Problem p = problem(Mode::causal, 256, DataType::f16, Precision::f16, 1, 1);
  Result<Plan> plan = (*context)->plan(p);
  REQUIRE_MESSAGE(plan.ok(), (plan.ok() ? "" : plan.error().message));
  auto u = (*device)->allocate(1024), y = (*device)->allocate(1024), k = (*device)->allocate(1024);
  REQUIRE((u.ok() && y.ok() && k.ok()));
  const std::vector<float> taps(256, 0.5f);
  REQUIRE((*device)->upload((*k)->data(), taps.data(), 1024).ok());
  Result<FilterSpectrum> spectrum = plan->make_spectrum((*k)->data());
  REQUIRE_MESSAGE(spectrum.ok(), (spectrum.ok() ? "" : spectrum.error().message));
  ConvolutionBuffers buffers;
  buffers.spectrum = &*spectrum;
  buffers.u = static_cast<const std::byte*>((*u)->data()) + 2;
  buffers.y = (*y)->data();
  Result<void> refused = plan->execute(buffers);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::invalid_argument);
  CHECK(refused.error().message.find("16 bytes") != std::string::npos);
  buffers.u = (*u)->data();
  CHECK(plan->execute(buffers).ok());
}
