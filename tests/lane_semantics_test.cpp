// The simulated lane interface against the specification that the GPU suite holds real hardware to.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fftconv/nvrtc.h"
#include "fftconv/sim_device.h"
#include "lanes/lane_case.h"

using namespace fftconv;

namespace {

constexpr std::uint64_t kSeed = 20261124;

std::vector<std::uint32_t> expected_words(const std::vector<lanes::Block>& blocks) {
  std::vector<std::uint32_t> words;
  for (const auto& block : blocks) words.insert(words.end(), block.out.data.begin(), block.out.data.end());
  return words;
}

/// Uploads the inputs, runs the kernel, returns what it wrote.
Result<std::vector<std::uint32_t>> run_case(Device& device, const lanes::LaneCase& lane_case,
                                            const std::vector<lanes::Block>& blocks) {
  const KernelSource source = lanes::source_of(lane_case, device.facts().arch);
  auto compiled = device.compile(source);
  if (!compiled) return compiled.error();
  auto kernel = device.load(source, *compiled);
  if (!kernel) return kernel.error();

  std::vector<std::uint32_t> in;
  for (const auto& block : blocks) in.insert(in.end(), block.in.data.begin(), block.in.data.end());
  std::vector<std::uint32_t> out(expected_words(blocks).size(), lanes::kPoison);
  auto u = device.allocate(in.size() * 4);
  if (!u) return u.error();
  auto y = device.allocate(out.size() * 4);
  if (!y) return y.error();
  if (auto done = device.upload((*u)->data(), in.data(), in.size() * 4); !done) return done.error();
  if (auto done = device.upload((*y)->data(), out.data(), out.size() * 4); !done) return done.error();
  KernelArgs args;
  args.u = (*u)->data();
  args.y = (*y)->data();
  if (auto done = (*kernel)->launch(source.convolution, args, nullptr); !done) return done.error();
  if (auto done = device.synchronize(nullptr); !done) return done.error();
  if (auto done = device.download(out.data(), (*y)->data(), out.size() * 4); !done) return done.error();
  return out;
}

void run_all(SimMode mode) {
  SimOptions options;
  options.mode = mode;
  const auto device = open_sim(options);
  if (!device) {
    MESSAGE("skipped: " << device.error().message);
    return;
  }
  MESSAGE("seed " << kSeed);
  for (const lanes::LaneCase& lane_case : lanes::lane_cases()) {
    CAPTURE(lane_case.name);
    const auto blocks = lanes::make_blocks(lane_case, kSeed);
    const auto written = run_case(**device, lane_case, blocks);
    CHECK_MESSAGE(written.ok(), (written ? "" : written.error().message));
    if (!written) continue;
    const lanes::Verdict verdict = lanes::judge(lane_case, blocks, *written);
    CHECK_MESSAGE(verdict.wrong == 0, verdict.wrong << " of " << verdict.values << " wrong; " << verdict.first_wrong);
  }
}

}  // namespace

TEST_CASE("every lane function in the vector simulation gives the specified bits") { run_all(SimMode::vector); }

TEST_CASE("every lane function in the fiber simulation gives the specified bits") { run_all(SimMode::fiber); }

TEST_CASE("every lane function of LANES.md has a case") {
  const auto cases = lanes::lane_cases();
  for (const char* name : {"lane_id(",     "warp_id(",           "block_x(",
                           "block_y(",     "block_z(",           "lds_u32(",
                           "lds_u32x2(",   "lds_u32x4(",         "lds_u16(",
                           "sts_u32(",     "sts_u32x2(",         "sts_u32x4(",
                           "sts_u16(",     "ldmatrix_x4(",       "ldmatrix_x4_trans(",
                           "ldmatrix_x2(", "ldmatrix_x2_trans(", "ldg_u32(",
                           "ldg_u32x2(",   "ldg_u32x4(",         "ldg_u16(",
                           "ldc_u32(",     "ldc_u32x2(",         "ldc_u32x4(",
                           "stg_u32(",     "stg_u32x2(",         "stg_u32x4(",
                           "stg_u16(",     "cp_async_16(",       "cp_async_8(",
                           "cp_async_4(",  "cp_async_commit(",   "cp_async_wait<",
                           "block_sync(",  "group_sync(",        "warp_sync(",
                           "f16x2_add(",   "f16x2_sub(",         "f16x2_mul(",
                           "f16x2_fma(",   "f16x2_neg(",         "bf16x2_add(",
                           "bf16x2_sub(",  "bf16x2_mul(",        "bf16x2_fma(",
                           "bf16x2_neg(",  "pack_f16x2(",        "pack_bf16x2(",
                           "f16x2_low(",   "f16x2_high(",        "bf16x2_low(",
                           "bf16x2_high(", "as_float(",          "as_uint(",
                           "as_int(",      "fma_f32(",           "select(",
                           "mma_f16_f16(", "mma_f16_f32(",       "mma_bf16_f32("}) {
    CAPTURE(name);

    CHECK(std::any_of(cases.begin(), cases.end(),
                      [&](const auto& c) { return c.body.find(name) != std::string::npos; }));
  }
}

TEST_CASE("one wrong bit anywhere is found, and so is an output that is not written") {
  for (const lanes::LaneCase& lane_case : lanes::lane_cases()) {
    CAPTURE(lane_case.name);
    const auto blocks = lanes::make_blocks(lane_case, kSeed);
    const auto right = expected_words(blocks);
    CHECK(lanes::judge(lane_case, blocks, right).wrong == 0);
    auto wrong = right;
    wrong[wrong.size() / 2] ^= 0x40004000u;  // a high bit of both halves: no tolerance forgives it
    CHECK(lanes::judge(lane_case, blocks, wrong).wrong > 0);
    CHECK(lanes::judge(lane_case, blocks, std::vector<std::uint32_t>(right.size(), lanes::kPoison)).wrong > 0);
  }
}

TEST_CASE("every case compiles for a GPU without spills") {
  if (const auto version = nvrtc_version(); !version) {
    MESSAGE("skipped: " << version.error().message);
    return;
  }
  for (const lanes::LaneCase& lane_case : lanes::lane_cases()) {
    CAPTURE(lane_case.name);
    const auto compiled = nvrtc_compile(lanes::source_of(lane_case, "sm_80"), "sm_80", BinaryFormat::cubin);
    CHECK_MESSAGE(compiled.ok(), (compiled ? "" : compiled.error().message));
    if (compiled) CHECK(compiled->spill_bytes == 0);
  }
}
