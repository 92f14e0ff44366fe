// Bank conflicts and sectors as counted by the simulation, against counts by hand.
#include <fmt/format.h>

#include "sim/traffic.h"
#include "sim_kernels.h"

using namespace fftconv;
using namespace simtest;

namespace {

SimCounters counters_of(const std::string& body, int threads = 32) {
  const auto outcome = run<std::uint32_t, std::uint32_t>(body, {.threads = threads, .shared_bytes = 32768},
                                                         random_words(4096, 1), 4096);
  CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
  return outcome.report.counters;
}

struct SharedCase {
  std::string what, body;
  int wavefronts, ideal, bytes;
};

}  // namespace

TEST_CASE("wavefronts of shared memory equal those counted by hand") {
  const SharedCase cases[] = {
      {"32 words side by side", "sts_u32(lane_id() * 4, (vu)1u);", 1, 1, 128},
      {"stride of two words: two lanes a bank", "sts_u32(lane_id() * 8, (vu)1u);", 2, 1, 128},
      {"stride of 32 words: all lanes on one bank", "sts_u32(lane_id() * 128, (vu)1u);", 32, 1, 128},
      {"stride of 33 words: padded, no conflict", "sts_u32(lane_id() * 132, (vu)1u);", 1, 1, 128},
      {"16-bit, two lanes a word", "sts_u16(lane_id() * 2, (vu)1u);", 1, 1, 64},
      {"16-bit, stride 64 words: one bank", "sts_u16(lane_id() * 256, (vu)1u);", 32, 1, 64},
      {"8 bytes side by side: two halves", "sts_u32x2(lane_id() * 8, u32x2{(vu)1u, (vu)1u});", 2, 2, 256},
      {"8 bytes at stride 16: two lanes a bank in each half", "sts_u32x2(lane_id() * 16, u32x2{(vu)1u, (vu)1u});", 4,
       2, 256},
      {"16 bytes side by side: four quarters", "sts_u32x4(lane_id() * 16, u32x4{(vu)1u, (vu)1u, (vu)1u, (vu)1u});", 4,
       4, 512},
      {"16 bytes at stride 32: two lanes a bank", "sts_u32x4(lane_id() * 32, u32x4{(vu)1u, (vu)1u, (vu)1u, (vu)1u});",
       8, 4, 512},
      {"16 bytes at stride 128: eight lanes a bank",
       "sts_u32x4(lane_id() * 128, u32x4{(vu)1u, (vu)1u, (vu)1u, (vu)1u});", 32, 4, 512},
      {"half of the lanes", "sts_u32(lane_id() * 8, (vu)1u, lane_id() < 16);", 1, 1, 64},
      {"a quarter of the lanes of 16 bytes",
       "sts_u32x4(lane_id() * 16, u32x4{(vu)1u, (vu)1u, (vu)1u, (vu)1u}, lane_id() < 8);", 1, 1, 128},
      {"asynchronous copy of 16 bytes at stride 32",
       "cp_async_16(lane_id() * 32, args.u, lane_id() * 16, lane_id() >= 0);", 8, 4, 512},
  };
  for (const SharedCase& c : cases) {
    const SimCounters counters = counters_of(c.body);
    INFO(c.what);
    CHECK(counters.shared_requests == 1);
    CHECK(counters.shared_wavefronts == c.wavefronts);
    CHECK(counters.shared_ideal == c.ideal);
    CHECK(counters.shared_bytes == c.bytes);
  }
}

TEST_CASE("lanes that read one word share it, ldmatrix goes a matrix at a time") {
  const std::string fill = "for (int i = 0; i < 32; ++i) sts_u32(lane_id() * 4 + i * 128, (vu)1u);\nwarp_sync();\n";
  const std::int64_t filling = 32;
  const auto wavefronts = [&](const std::string& body) {
    return counters_of(fill + body).shared_wavefronts - filling;
  };
  CHECK(wavefronts("stg_u32(args.y, lane_id() * 4, lds_u32(lane_id() * 0));") == 1);
  CHECK(wavefronts("stg_u32(args.y, lane_id() * 4, lds_u32((lane_id() & 1) * 128));") == 2);
  CHECK(wavefronts("ldmatrix_x4(lane_id() * 16);") == 4);
  CHECK(wavefronts("ldmatrix_x2(lane_id() * 16);") == 2);
  CHECK(wavefronts("ldmatrix_x4((lane_id() & 7) * 128 + (lane_id() >> 3) * 16);") == 32);       // rows of 128 bytes
  CHECK(wavefronts("ldmatrix_x4_trans((lane_id() & 7) * 144 + (lane_id() >> 3) * 16);") == 4);  // padded
}

TEST_CASE("sectors of global memory equal those counted by hand") {
  const struct {
    const char* body;
    int sectors, ideal;
  } cases[] = {
      {"stg_u32(args.y, lane_id() * 4, (vu)1u);", 4, 4},
      {"stg_u32(args.y, lane_id() * 4 + 4, (vu)1u);", 5, 4},    // crosses one more
      {"stg_u32(args.y, lane_id() * 32, (vu)1u);", 32, 4},      // one a lane
      {"stg_u32(args.y, (lane_id() ^ 5) * 4, (vu)1u);", 4, 4},  // in another order
      {"stg_u16(args.y, lane_id() * 2, (vu)1u);", 2, 2},
      {"stg_u32x4(args.y, lane_id() * 16, u32x4{(vu)1u, (vu)1u, (vu)1u, (vu)1u});", 16, 16},
      {"stg_u32x2(args.y, lane_id() * 64, u32x2{(vu)1u, (vu)1u});", 32, 8},
      {"stg_u32(args.y, lane_id() * 4, (vu)1u, lane_id() < 3);", 1, 1},
      {"ldc_u32(args.u, lane_id() * 0);", 1, 4},  // one word for all
  };
  for (const auto& c : cases) {
    const SimCounters counters = counters_of(c.body);
    INFO(c.body);
    CHECK(counters.global_requests == 1);
    CHECK(counters.global_sectors == c.sectors);
    CHECK(counters.global_ideal == c.ideal);
  }
}

TEST_CASE("barriers and products are counted, over all warps and blocks") {
  const auto outcome = run<std::uint32_t, std::uint32_t>(
      "vu d[2] = {(vu)0u, (vu)0u};\n"
      "const vu a[4] = {(vu)0u, (vu)0u, (vu)0u, (vu)0u};\n"
      "for (int i = 0; i < 3; ++i) mma_f16_f16(d, a, a[0], a[1]);\n"
      "block_sync();\n"
      "group_sync(warp_id() / 2, 64);\n",
      {.threads = 128, .grid = {2, 1, 1}}, random_words(1, 1), 1);
  CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
  CHECK(outcome.report.counters.mma == 2 * 4 * 3);
  CHECK(outcome.report.counters.barriers == 2 * (1 + 2));
}

TEST_CASE("a predicate that is false everywhere asks for nothing") {
  const SimCounters counters = counters_of("stg_u32(args.y, lane_id() * 4, (vu)1u, lane_id() > 99);");
  CHECK(counters.global_requests == 0);
  CHECK(counters.global_sectors == 0);
}
