// Each fault that the simulated device looks for, planted in a small kernel and found at its line in both modes,
// beside the same kernel without it. Line 1 of a text declares the arguments, line 2 the kernel: a body begins at
// line 3.
#include <fmt/format.h>

#include "sim_kernels.h"

using namespace fftconv;
using namespace simtest;

namespace {

using Words = std::vector<std::uint32_t>;

Outcome<std::uint32_t> launch(const std::string& body, SimMode mode, int threads = 64, std::int64_t shared = 1024) {
  return run<std::uint32_t, std::uint32_t>(body, {.mode = mode, .threads = threads, .shared_bytes = shared},
                                           random_words(256, 21), 256);
}

void expect_sound(const std::string& body, int threads = 64) {
  for (SimMode mode : both_modes) {
    const auto outcome = launch(body, mode, threads);
    CHECK_MESSAGE(outcome.status.ok(), describe(outcome.report));
    CHECK(outcome.report.findings.empty());
  }
}

/// The launch fails, its message is the first finding's, and the report has this finding.
void expect_finding(const std::string& body, const std::string& kind, int line, int other_line = -1,
                    int threads = 64) {
  for (SimMode mode : both_modes) {
    const auto outcome = launch(body, mode, threads);
    REQUIRE_FALSE(outcome.status.ok());
    CHECK(outcome.status.error().code == ErrorCode::launch_failed);
    CHECK(outcome.status.error().message.find(outcome.report.findings.front().message) != std::string::npos);
    CHECK_MESSAGE(found(outcome.report, kind, line, other_line),
                  fmt::format("{} of lines {} and {} in {} mode; found:\n{}", kind, line, other_line,
                              mode == SimMode::vector ? "vector" : "fiber", describe(outcome.report)));
  }
}

/// `text` with the one occurrence of `what` replaced.
std::string with(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  REQUIRE(text.find(what, at + 1) == std::string::npos);
  return text.replace(at, what.size(), by);
}

// Two warps write, exchange, and write again over what was read.
const std::string exchange =
    "const vi mine = (warp_id() * 32 + lane_id()) * 4, others = ((warp_id() ^ 1) * 32 + lane_id()) * 4;\n"  // 3
    "sts_u32(mine, ldg_u32(args.u, mine));\n"                                                               // 4
    "block_sync(/*first*/);\n"                                                                              // 5
    "const vu v = lds_u32(others);\n"                                                                       // 6
    "block_sync(/*second*/);\n"                                                                             // 7
    "sts_u32(mine, v + 1u);\n"                                                                              // 8
    "stg_u32(args.y, mine, lds_u32(mine));";                                                                // 9

// One warp reverses its values through shared memory, twice.
const std::string reverse =
    "const vi mine = (warp_id() * 32 + lane_id()) * 4, others = (warp_id() * 32 + 31 - lane_id()) * 4;\n"  // 3
    "sts_u32(mine, ldg_u32(args.u, mine));\n"                                                              // 4
    "warp_sync(/*first*/);\n"                                                                              // 5
    "const vu v = lds_u32(others);\n"                                                                      // 6
    "warp_sync(/*second*/);\n"                                                                             // 7
    "sts_u32(mine, v);\n"                                                                                  // 8
    "stg_u32(args.y, mine, lds_u32(mine));";                                                               // 9

const std::string copy =
    "const vi mine = lane_id() * 4 + warp_id() * 128;\n"  // 3
    "cp_async_4(mine, args.u, mine, lane_id() >= 0);\n"   // 4
    "cp_async_commit();\n"                                // 5
    "cp_async_wait<0>(/*wait*/);\n"                       // 6
    "warp_sync();\n"                                      // 7
    "stg_u32(args.y, mine, lds_u32(mine ^ 4));\n"         // 8
    "warp_sync();\n"                                      // 9
    "sts_u32(mine, (vu)1u);";                             // 10

}  // namespace

TEST_CASE("a dropped barrier between a write and a read of another warp") {
  expect_sound(exchange);
  // Whichever warp runs first, one of the two reads and writes collides: 6 after 4, or 4 after 6.
  for (SimMode mode : both_modes) {
    const auto outcome = launch(with(exchange, "block_sync(/*first*/);", ""), mode);
    REQUIRE_FALSE(outcome.status.ok());
    CHECK_MESSAGE((found(outcome.report, "race", 6, 4) || found(outcome.report, "race", 4, 6)),
                  describe(outcome.report));
  }
}

TEST_CASE("a dropped barrier between a read and a later write") {
  expect_finding(with(exchange, "block_sync(/*second*/);", ""), "race", 8, 6);
}

TEST_CASE("two warps that write the same place with no barrier between") {
  const std::string body =
      "const vi at = lane_id() * 4;\n"              // 3
      "if (warp_id() == 0) sts_u32(at, (vu)1u);\n"  // 4
      "block_sync(/*between*/);\n"                  // 5
      "if (warp_id() == 1) sts_u32(at, (vu)2u);";   // 6
  expect_sound(body);
  for (SimMode mode : both_modes) {
    const auto outcome = launch(with(body, "block_sync(/*between*/);", ""), mode);
    CHECK_FALSE(outcome.status.ok());
    CHECK_MESSAGE((found(outcome.report, "race", 6, 4) || found(outcome.report, "race", 4, 6)),
                  describe(outcome.report));
  }
}

TEST_CASE("two lanes that write the same place in one instruction") {
  expect_finding("sts_u32((lane_id() / 2) * 4 + warp_id() * 128, (vu)1u);", "race", 3, 3);
}

TEST_CASE("a dropped warp_sync before a read of another lane") {
  expect_sound(reverse);
  const std::string faulty = with(reverse, "warp_sync(/*first*/);", "");
  const auto vector = launch(faulty, SimMode::vector);
  CHECK_MESSAGE(found(vector.report, "race", 6, 4), describe(vector.report));
  // Threads run one after another in fiber mode: some see the read first, some the write.
  const auto fiber = launch(faulty, SimMode::fiber);
  CHECK_FALSE(fiber.status.ok());
  CHECK_MESSAGE((found(fiber.report, "race", 6, 4) || found(fiber.report, "unwritten", 6)), describe(fiber.report));
}

TEST_CASE("a dropped warp_sync before a write over what another lane read") {
  expect_finding(with(reverse, "warp_sync(/*second*/);", ""), "race", 8, 6);
}

TEST_CASE("ldmatrix without a warp_sync after the stores of its own warp") {
  const std::string body =
      "const vi row = lane_id() * 16 + warp_id() * 512;\n"    // 3
      "sts_u32x4(row, ldg_u32x4(args.u, lane_id() * 16));\n"  // 4
      "warp_sync();\n"                                        // 5
      "const u32x4 m = ldmatrix_x4(row);\n"                   // 6
      "warp_sync(/*after*/);\n"                               // 7
      "sts_u32x4(row, m);";                                   // 8
  expect_sound(body);
  expect_finding(with(body, "warp_sync();", ""), "race", 6, 4);
  expect_finding(with(body, "warp_sync(/*after*/);", ""), "race", 8, 6);
}

TEST_CASE("a named barrier orders its own warps and no others") {
  const std::string body =
      "const vi mine = (warp_id() * 32 + lane_id()) * 4;\n"                       // 3
      "sts_u32(mine, (vu)7u);\n"                                                  // 4
      "group_sync(warp_id() / 2, 64);\n"                                          // 5
      "stg_u32(args.y, mine, lds_u32(((warp_id() ^ 1) * 32 + lane_id()) * 4));";  // 6
  expect_sound(body, 128);
  expect_finding(with(body, "warp_id() ^ 1", "warp_id() ^ 2"), "race", 6, 4, 128);
}

TEST_CASE("order passes through a chain of named barriers") {
  expect_sound(
      "const vi at = lane_id() * 4;\n"
      "if (warp_id() == 0) { sts_u32(at, (vu)5u); group_sync(0, 64); }\n"
      "if (warp_id() == 1) { group_sync(0, 64); group_sync(1, 64); }\n"
      "if (warp_id() == 2) { group_sync(1, 64); stg_u32(args.y, at, lds_u32(at)); }",
      96);
}

TEST_CASE("a dropped wait is found where the copy's destination is read") {
  expect_sound(copy);
  const std::string faulty = with(copy, "cp_async_wait<0>(/*wait*/);", "");
  expect_finding(faulty, "async", 8, 4);
  // And what was read is poison, not the data.
  for (SimMode mode : both_modes) CHECK(launch(faulty, mode).y[0] == 0xFFFFFFFFu);
}

TEST_CASE("a wait for too few groups is found") {
  expect_finding(with(copy, "cp_async_wait<0>(/*wait*/);", "cp_async_wait<1>();"), "async", 8, 4);
}

TEST_CASE("a copy that was waited for still needs a barrier before other lanes read it") {
  std::string faulty = copy;
  faulty.replace(faulty.find("warp_sync();"), 12, "");
  expect_finding(faulty, "race", 8, 4);
}

TEST_CASE("an asynchronous copy into memory that is still being read") {
  const std::string body =
      "const vi at = lane_id() * 4 + warp_id() * 128;\n"  // 3
      "sts_u32(at, (vu)1u);\n"                            // 4
      "warp_sync();\n"                                    // 5
      "stg_u32(args.y, at, lds_u32(at ^ 8));\n"           // 6
      "warp_sync(/*before*/);\n"                          // 7
      "cp_async_4(at, args.u, at, lane_id() >= 0);\n"     // 8
      "cp_async_commit();\n"                              // 9
      "cp_async_wait<0>();";                              // 10
  expect_sound(body);
  expect_finding(with(body, "warp_sync(/*before*/);", ""), "race", 8, 6);
}

TEST_CASE("overlapping buffers of two warps") {
  const std::string body =
      "const vi at = lane_id() * 4 + warp_id() * 128;\n"  // 3
      "sts_u32(at, ldg_u32(args.u, at));\n"               // 4
      "stg_u32(args.y, at, lds_u32(at));";                // 5
  expect_sound(body);
  for (SimMode mode : both_modes) {
    const auto outcome = launch(with(body, "warp_id() * 128", "warp_id() * 124"), mode);
    REQUIRE_FALSE(outcome.status.ok());
    CHECK_MESSAGE((found(outcome.report, "race", 4) || found(outcome.report, "race", 5)), describe(outcome.report));
  }
}

TEST_CASE("a read of shared memory that nothing wrote") {
  const std::string body =
      "const vi at = lane_id() * 4 + warp_id() * 128;\n"
      "sts_u32(at, (vu)1u, lane_id() < 31);\n"
      "stg_u32(args.y, at, lds_u32(at));";
  expect_finding(body, "unwritten", 5);
}

TEST_CASE("a global read and a global write beyond the end by one element") {
  // u and y hold 256 words.
  const std::string reads = "stg_u32(args.y, lane_id() * 4, ldg_u32(args.u, lane_id() * 4 + 900));";
  const std::string writes = "stg_u32(args.y, lane_id() * 4 + 900, ldg_u32(args.u, lane_id() * 4));";
  expect_sound(with(reads, "900", "896"), 32);
  expect_finding(reads, "out-of-range", 3, -1, 32);
  expect_sound(with(writes, "900", "896"), 32);
  expect_finding(writes, "out-of-range", 3, -1, 32);
}

TEST_CASE("a global read before the start, through null, and a copy beyond the end") {
  expect_finding("stg_u32(args.y, lane_id() * 4, ldg_u32(args.u, lane_id() * 4 - 4));", "out-of-range", 3, -1, 32);
  expect_finding("stg_u32(args.y, lane_id() * 4, ldc_u32(args.skip, lane_id() * 4));", "out-of-range", 3, -1, 32);
  expect_finding("cp_async_16(lane_id() * 16, args.u, lane_id() * 16 + 528, lane_id() >= 0);", "out-of-range", 3, -1,
                 32);
  expect_sound("cp_async_16(lane_id() * 16, args.u, lane_id() * 16 + 528, lane_id() < 31);", 32);
}

TEST_CASE("a shared access beyond the end") {
  expect_finding("sts_u32(lane_id() * 4 + 900, (vu)1u);", "out-of-range", 3, -1, 32);
  expect_finding("sts_u32(lane_id() * 4 - 4, (vu)1u);", "out-of-range", 3, -1, 32);
}

TEST_CASE("a kernel that writes what another pointer of it reads as constant") {
  const std::string body =
      "const vu v = ldc_u32(args.u, lane_id() * 4);\n"    // 3
      "stg_u32((void*)args.u, lane_id() * 4 + 128, v);";  // 4
  expect_sound(body, 32);
  expect_finding(with(body, "+ 128", "+ 64"), "race", 4, 3, 32);
}

TEST_CASE("misaligned accesses, shared and global") {
  expect_finding("sts_u32x2(lane_id() * 8 + 4, u32x2{(vu)1u, (vu)1u});", "misaligned", 3, -1, 32);
  expect_finding("stg_u16(args.y, lane_id() * 4, ldg_u16(args.u, lane_id() * 2 + 1));", "misaligned", 3, -1, 32);
  expect_finding("cp_async_16(lane_id() * 16 + 8, args.u, lane_id() * 16, lane_id() < 31);", "misaligned", 3, -1, 32);
}

TEST_CASE("a barrier that not every warp reaches") {
  // Two barriers of the block that meet each other, one that is left out, and one that hangs.
  expect_finding("if (warp_id() == 0) block_sync();\nelse\nblock_sync();", "barrier", 3, 5);
  expect_finding("if (warp_id() == 0) block_sync();", "barrier", 3);
  expect_finding("if (warp_id() == 0) block_sync(); else\ngroup_sync(1, 64);", "barrier", 3, 4);
}

TEST_CASE("a named barrier with the wrong number of threads") {
  expect_finding("group_sync(1, 64);\n", "barrier", 3, -1, 32);
  expect_finding("group_sync(1, 48);\n", "barrier", 3);
  expect_finding("group_sync(15, 64);\n", "barrier", 3);
  // Whichever arrives first: the two disagree, or the smaller one passes and the larger one hangs.
  for (SimMode mode : both_modes) {
    const auto outcome = launch("if (warp_id() == 0) group_sync(1, 64); else\ngroup_sync(1, 32);\n", mode);
    CHECK_FALSE(outcome.status.ok());
    CHECK_MESSAGE((found(outcome.report, "barrier", 3) || found(outcome.report, "barrier", 4)),
                  describe(outcome.report));
  }
}

TEST_CASE("an early return of one warp is found at the barrier that it misses") {
  expect_finding("if (warp_id() == 1) return;\nblock_sync();", "barrier", 4);
}

TEST_CASE("findings are listed once a line, and a sound launch after a faulty one is sound") {
  const auto outcome =
      launch("for (int i = 0; i < 100; ++i) stg_u32(args.y, lane_id() * 4, ldg_u32(args.u, lane_id() * 4 + 4096));",
             SimMode::vector, 32);
  CHECK(outcome.report.findings.size() == 1);
  expect_sound(exchange);
}

TEST_CASE("without checks races pass and ranges still hold") {
  const Words input = random_words(256, 2);
  const std::string race = with(exchange, "block_sync(/*first*/);", "");
  CHECK(run<std::uint32_t, std::uint32_t>(race, {.threads = 64, .shared_bytes = 1024, .checks = false}, input, 256)
            .status.ok());
  CHECK_FALSE(run<std::uint32_t, std::uint32_t>("stg_u32(args.y, lane_id() * 4 + 4096, (vu)1u);", {.checks = false},
                                                input, 256)
                  .status.ok());
}
