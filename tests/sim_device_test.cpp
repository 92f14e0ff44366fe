// The simulated device runs lane-style kernels: results, both modes against each other, the device interface.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "fftconv/half.h"
#include "sim_kernels.h"

using namespace fftconv;
using namespace simtest;

namespace {

using Words = std::vector<std::uint32_t>;

/// Random halves of size near one, two in a word.
Words random_halves(std::size_t words, std::uint32_t seed, bool bf16) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Words values(words);
  for (auto& word : values) {
    word = 0;
    for (int half = 0; half < 2; ++half) {
      const double value = normal(generator);
      word |= std::uint32_t{bf16 ? to_bf16(value) : to_f16(value)} << 16 * half;
    }
  }
  return values;
}

double half_at(const Words& words, std::size_t index, bool bf16) {
  const auto bits = static_cast<std::uint16_t>(words[index / 2] >> 16 * (index % 2));
  return bf16 ? from_bf16(bits) : from_f16(bits);
}

}  // namespace

TEST_CASE("a copy moves every element, in both modes and over a grid") {
  const Words input = random_words(2 * 3 * 64, 7);
  for (SimMode mode : both_modes) {
    const auto outcome = run<std::uint32_t, std::uint32_t>(
        "  const vi at = ((block_y() * 3 + block_x()) * 64 + warp_id() * 32 + lane_id()) * 4;\n"
        "  stg_u32(args.y, at, ldg_u32(args.u, at));",
        {.mode = mode, .threads = 64, .grid = {3, 2, 1}}, input, input.size());
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    CHECK(outcome.y == input);
  }
}

TEST_CASE("predicates: a load gives zero and a store does nothing where they are false") {
  const Words input = ramp<std::uint32_t>(32);
  for (SimMode mode : both_modes) {
    const auto outcome = run<std::uint32_t, std::uint32_t>(
        "  const vi lane = lane_id();\n"
        "  const vu v = ldg_u32(args.u, lane * 4, (lane >= 8) & (lane < 20));\n"
        "  sts_u32(lane * 4, v + 100u);\n"
        "  sts_u32(lane * 4, v + 200u, lane == 31);\n"
        "  stg_u32(args.y, lane * 4, lds_u32(lane * 4), lane != 5);",
        {.mode = mode, .shared_bytes = 128}, input, 32);
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    for (std::uint32_t i = 0; i < 32; ++i) {
      const std::uint32_t expected = i == 5 ? 0xFFFFFFFFu : i == 31 ? 200u : i >= 8 && i < 20 ? 100u + i : 100u;
      CHECK(outcome.y[i] == expected);
    }
  }
}

TEST_CASE("accesses of 2, 8 and 16 bytes keep their words in order") {
  const Words input = random_words(128, 3);
  for (SimMode mode : both_modes) {
    const auto outcome = run<std::uint32_t, std::uint32_t>(
        "  const vi lane = lane_id();\n"
        "  sts_u32x4(lane * 16, ldg_u32x4(args.u, lane * 16));\n"
        "  warp_sync();\n"
        "  const u32x2 first = lds_u32x2((31 - lane) * 8);\n"
        "  const u32x2 second = lds_u32x2(256 + (31 - lane) * 8);\n"
        "  stg_u32x2(args.y, (31 - lane) * 8, first);\n"
        "  sts_u32x2(256 + (31 - lane) * 8, second);\n"
        "  warp_sync();\n"
        "  for (int half = 0; half < 4; ++half) {\n"
        "    stg_u16(args.y, 256 + lane * 2 + 64 * half, lds_u16(256 + lane * 2 + 64 * half));\n"
        "  }",
        {.mode = mode, .shared_bytes = 512}, input, 128);
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    CHECK(outcome.y == input);
  }
}

TEST_CASE("ldmatrix hands out rows, and with trans columns, of 8x8 matrices") {
  std::vector<std::uint16_t> input = ramp<std::uint16_t>(256);
  for (SimMode mode : both_modes) {
    for (bool transposed : {false, true}) {
      const auto outcome =
          run<std::uint16_t, std::uint16_t>(fmt::format("  const vi lane = lane_id();\n"
                                                        "  sts_u32x4(lane * 16, ldg_u32x4(args.u, lane * 16));\n"
                                                        "  warp_sync();\n"
                                                        "  const u32x4 m = ldmatrix_x4{}(lane * 16);\n"
                                                        "  stg_u32x4(args.y, lane * 16, m);",
                                                        transposed ? "_trans" : ""),
                                            {.mode = mode, .shared_bytes = 512}, input, 256);
      CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
      int wrong = 0;
      for (int lane = 0; lane < 32; ++lane) {
        for (int matrix = 0; matrix < 4; ++matrix) {
          for (int e = 0; e < 2; ++e) {
            const int row = lane / 4;
            const int column = 2 * (lane % 4) + e;
            const int expected = 64 * matrix + (transposed ? column * 8 + row : row * 8 + column);
            wrong += outcome.y[static_cast<std::size_t>(lane * 8 + matrix * 2 + e)] != expected;
          }
        }
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("a matrix product agrees with fp64 in every precision") {
  const struct {
    const char* name;
    bool bf16, wide;
    double tolerance;
  } kinds[] = {
      {"mma_f16_f16", false, false, 1e-3}, {"mma_f16_f32", false, true, 1e-6}, {"mma_bf16_f32", true, true, 1e-6}};
  for (const auto& kind : kinds) {
    for (SimMode mode : both_modes) {
      // A is 16x16 by rows, then B 16x8 by columns; D goes out in fp32, by rows.
      const Words input = random_halves(128 + 64, 11, kind.bf16);
      const std::string accumulator = kind.wide
                                          ? std::string("  vf d[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};\n")
                                          : std::string("  vu d[2] = {(vu)0u, (vu)0u};\n");
      const std::string store =
          kind.wide ? std::string("  const vu r[4] = {as_uint(d[0]), as_uint(d[1]), as_uint(d[2]), as_uint(d[3])};\n")
                    : std::string(
                          "  const vu r[4] = {as_uint(f16x2_low(d[0])), as_uint(f16x2_high(d[0])), "
                          "as_uint(f16x2_low(d[1])), as_uint(f16x2_high(d[1]))};\n");
      const auto outcome = run<std::uint32_t, float>(
          "  const vi g = lane_id() / 4, t = lane_id() % 4;\n"
          "  vu a[4];\n"
          "  for (int i = 0; i < 4; ++i) a[i] = ldg_u32(args.u, ((g + 8 * (i & 1)) * 8 + t + 4 * (i >> 1)) * 4);\n"
          "  const vu b0 = ldg_u32(args.u, (128 + g * 8 + t) * 4), b1 = ldg_u32(args.u, (128 + g * 8 + t + 4) * "
          "4);\n" +
              accumulator + "  " + kind.name + "(d, a, b0, b1);\n" + store +
              "  for (int i = 0; i < 4; ++i) stg_u32(args.y, ((g + 8 * (i >> 1)) * 8 + 2 * t + (i & 1)) * 4, r[i]);",
          {.mode = mode}, input, 128);
      CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
      CHECK(outcome.report.counters.mma == 1);
      double error = 0, norm = 0;
      for (std::size_t row = 0; row < 16; ++row) {
        for (std::size_t column = 0; column < 8; ++column) {
          double sum = 0;
          for (std::size_t k = 0; k < 16; ++k) {
            sum += half_at(input, row * 16 + k, kind.bf16) * half_at(input, 256 + column * 16 + k, kind.bf16);
          }
          error += std::pow(outcome.y[row * 8 + column] - sum, 2);
          norm += sum * sum;
        }
      }
      CHECK_MESSAGE(std::sqrt(error / norm) < kind.tolerance, kind.name << " seed 11");
    }
  }
}

namespace {

// Copies 8 tiles of 64 words through two slots of shared memory, one tile ahead; each lane reads what another copied.
const std::string pipeline =
    "  const vi lane = lane_id();\n"                                                                     // 3
    "  cp_async_8(lane * 8, args.u, lane * 8, lane >= 0);\n"                                             // 4
    "  cp_async_commit();\n"                                                                             // 5
    "  for (int tile = 0; tile < 8; ++tile) {\n"                                                         // 6
    "    const int slot = tile % 2 * 256, next = 256 - slot;\n"                                          // 7
    "    cp_async_8(lane * 8 + next, args.u, lane * 8 + (tile + 1) * 256, (lane >= 0) & (tile < 7));\n"  // 8
    "    cp_async_commit();\n"                                                                           // 9
    "    cp_async_wait<1>();\n"                                                                          // 10
    "    warp_sync();\n"                                                                                 // 11
    "    const u32x2 v = lds_u32x2((31 - lane) * 8 + slot);\n"                                           // 12
    "    stg_u32x2(args.y, (31 - lane) * 8 + tile * 256, v);\n"                                          // 13
    "    warp_sync();\n"                                                                                 // 14
    "  }";

}  // namespace

TEST_CASE("a pipeline of asynchronous copies delivers every tile") {
  const Words input = random_words(512, 5);
  for (SimMode mode : both_modes) {
    const auto outcome = run<std::uint32_t, std::uint32_t>(pipeline, {.mode = mode, .shared_bytes = 512}, input, 512);
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    CHECK(outcome.y == input);
  }
}

TEST_CASE("an asynchronous copy with a false predicate writes zeros and reads nothing") {
  const Words input = random_words(4, 5);
  for (SimMode mode : both_modes) {
    const auto outcome = run<std::uint32_t, std::uint32_t>(
        "  const vi lane = lane_id();\n"
        "  cp_async_4(lane * 4, args.u, lane * 4, lane < 4);\n"
        "  cp_async_commit();\n"
        "  cp_async_wait<0>();\n"
        "  stg_u32(args.y, lane * 4, lds_u32(lane * 4));",
        {.mode = mode, .shared_bytes = 128}, input, 32);
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    for (std::size_t i = 0; i < 32; ++i) CHECK(outcome.y[i] == (i < 4 ? input[i] : 0u));
  }
}

TEST_CASE("named barriers order the warps that take part") {
  // Warps 0 and 1 exchange through barrier 1, warps 2 and 3 through barrier 2, twice.
  const Words input = random_words(128, 9);
  for (SimMode mode : both_modes) {
    const auto outcome = run<std::uint32_t, std::uint32_t>(
        "  const int warp = warp_id(), pair = warp / 2;\n"
        "  const vi mine = (warp * 32 + lane_id()) * 4, others = ((warp ^ 1) * 32 + lane_id()) * 4;\n"
        "  sts_u32(mine, ldg_u32(args.u, mine));\n"
        "  group_sync(pair + 1, 64);\n"
        "  const vu v = lds_u32(others);\n"
        "  group_sync(pair + 1, 64);\n"
        "  sts_u32(mine, v);\n"
        "  group_sync(pair + 1, 64);\n"
        "  stg_u32(args.y, others, lds_u32(mine));",
        {.mode = mode, .threads = 128, .shared_bytes = 512}, input, 128);
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    CHECK(outcome.y == input);
  }
}

TEST_CASE("both modes and every order of fibers give the same bits") {
  // Every arithmetic function, on random bits: infinities, NaN and subnormals among them.
  const std::string body =
      "  const vi at = lane_id() * 4;\n"
      "  const vu a = ldg_u32(args.u, at), b = ldg_u32(args.u, at + 128), c = ldg_u32(args.u, at + 256);\n"
      "  const vu r[] = {f16x2_add(a, b), f16x2_sub(a, b), f16x2_mul(a, b), f16x2_fma(a, b, c), f16x2_neg(a),\n"
      "    bf16x2_add(a, b), bf16x2_sub(a, b), bf16x2_mul(a, b), bf16x2_fma(a, b, c), bf16x2_neg(a),\n"
      "    pack_f16x2(as_float(a), as_float(b)), pack_bf16x2(as_float(a), as_float(b)),\n"
      "    as_uint(f16x2_low(a)), as_uint(f16x2_high(a)), as_uint(bf16x2_low(a)), as_uint(bf16x2_high(a)),\n"
      "    select(as_int(a) < 0, a, b), as_uint(fma_f32(bf16x2_low(a), bf16x2_low(b), bf16x2_low(c)))};\n"
      "  for (int i = 0; i < 18; ++i) stg_u32(args.y, at + i * 128, r[i]);";
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const Words input = random_words(96, seed);
    const auto vector = run<std::uint32_t, std::uint32_t>(body, {.mode = SimMode::vector}, input, 18 * 32);
    const auto fiber =
        run<std::uint32_t, std::uint32_t>(body, {.mode = SimMode::fiber, .seed = seed}, input, 18 * 32);
    CHECK(vector.status.ok());
    CHECK(fiber.status.ok());
    CHECK_MESSAGE(vector.y == fiber.y, "seed " << seed);
  }
}

TEST_CASE("the simulation gives no timing and refuses launches that have no meaning") {
  auto device = open_sim({});
  REQUIRE(device.ok());
  KernelSource source;
  source.text = arguments + "FFTCONV_KERNEL(k, 64, 1)(const fftconv_args args) { block_sync(); }\n";
  auto compiled = (*device)->compile(source);
  REQUIRE(compiled.ok());
  auto kernel = (*device)->load(source, *compiled);
  REQUIRE(kernel.ok());
  const KernelEntry entry{"k", {1, 1, 1}, 64, 0};
  CHECK((*kernel)->launch(entry, {}, nullptr).ok());
  auto sample = (*device)->sample(**kernel, entry, {}, true);
  REQUIRE_FALSE(sample.ok());
  CHECK(sample.error().code == ErrorCode::unsupported);

  KernelEntry wrong = entry;
  wrong.threads = 48;
  CHECK((*kernel)->launch(wrong, {}, nullptr).error().code == ErrorCode::invalid_argument);
  wrong.threads = 96;  // not what the text says
  CHECK((*kernel)->launch(wrong, {}, nullptr).error().code == ErrorCode::invalid_argument);
  wrong = entry;
  wrong.name = "absent";
  CHECK((*kernel)->launch(wrong, {}, nullptr).error().code == ErrorCode::not_found);
  wrong = entry;
  wrong.shared_bytes = 1 << 20;
  CHECK((*kernel)->launch(wrong, {}, nullptr).error().code == ErrorCode::launch_failed);
}

TEST_CASE("an error of the text is reported with its line") {
  auto device = open_sim({});
  REQUIRE(device.ok());
  KernelSource source;
  source.text = arguments + "FFTCONV_KERNEL(k, 32, 1)(const fftconv_args args) {\n  undeclared();\n}\n";
  auto compiled = (*device)->compile(source);
  REQUIRE_FALSE(compiled.ok());
  CHECK(compiled.error().code == ErrorCode::compile_failed);
  CHECK(compiled.error().message.find("kernel:3") != std::string::npos);
}

TEST_CASE("copies outside of the device's allocations are refused") {
  auto device = open_sim({});
  REQUIRE(device.ok());
  auto buffer = (*device)->allocate(100);
  REQUIRE(buffer.ok());
  CHECK(reinterpret_cast<std::uintptr_t>((*buffer)->data()) % 256 == 0);
  std::vector<char> host(200);
  CHECK((*device)->upload((*buffer)->data(), host.data(), 100).ok());
  CHECK_FALSE((*device)->upload((*buffer)->data(), host.data(), 101).ok());
  CHECK_FALSE((*device)->download(host.data(), host.data(), 4).ok());
  CHECK((*device)->synchronize(nullptr).ok());
  static_cast<char*>((*buffer)->data())[100] = 1;  // what an unchecked writer would do
  CHECK_FALSE((*device)->synchronize(nullptr).ok());
}

TEST_CASE("many threads launch one kernel of one device at once") {
  auto opened = open_sim({});
  REQUIRE(opened.ok());
  SimDevice& device = **opened;
  KernelSource source;
  source.text = arguments +
                "FFTCONV_KERNEL(k, 64, 1)(const fftconv_args args) {\n"
                "  const vi at = (warp_id() * 32 + lane_id()) * 4;\n"
                "  for (int i = 0; i < 20; ++i) {\n"
                "    block_sync();\n"
                "    sts_u32(at, ldg_u32(args.u, at));\n"
                "    block_sync();\n"
                "    stg_u32(args.y, at, lds_u32(252 - at));\n"
                "  }\n"
                "}\n";
  auto compiled = device.compile(source);
  REQUIRE_MESSAGE(compiled.ok(), compiled.error().message);
  auto kernel = device.load(source, *compiled);
  REQUIRE(kernel.ok());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Words input = random_words(64, t);
      auto u = device.allocate(256), y = device.allocate(256);
      if (!u.ok() || !y.ok() || !device.upload((*u)->data(), input.data(), 256).ok()) return;
      KernelArgs args;
      args.u = (*u)->data();
      args.y = (*y)->data();
      for (int i = 0; i < 5; ++i) {
        Words output(64);
        if (!(*kernel)->launch({"k", {1, 1, 1}, 64, 256}, args, nullptr).ok()) return;
        if (!device.download(output.data(), (*y)->data(), 256).ok()) return;
        right += std::equal(input.rbegin(), input.rend(), output.begin());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 20);
}

TEST_CASE("a binary of one mode is not taken for one of the other") {
  auto vector = open_sim({.mode = SimMode::vector});
  auto fiber = open_sim({.mode = SimMode::fiber});
  REQUIRE(vector.ok());
  REQUIRE(fiber.ok());
  CHECK((*vector)->compiler_version() != (*fiber)->compiler_version());
}
