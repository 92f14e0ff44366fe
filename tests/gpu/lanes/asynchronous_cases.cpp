// cp.async: widths, false predicates, groups.
#include <fmt/format.h>

#include "lanes/lane_case.h"

namespace fftconv::lanes {
namespace {

/// Words: 0 predicate, 1 … the source. The destination is filled first, so that a copy of zeros shows; where the
/// predicate is false the source address is far outside.
LaneCase copy_case(int bytes) {
  LaneCase made;
  const int words = bytes / 4;
  made.name = fmt::format("cp_async_{}, predicated", bytes);
  made.words_in = 1 + words;
  made.words_out = words;
  made.shared_bytes = 32 * bytes;
  for (int i = 0; i < words; ++i)
    made.body += fmt::format("  sts_u32(lane_id() * 4 + {}, (vu)0xffffffffu);\n", i * 128);
  made.body += fmt::format(
      "  warp_sync();\n  vp wanted = (in_word(0) & 1u) != 0u;\n"
      "  vi place = (lane_id() ^ 5) * {0} + (kIn + 128);\n"
      "  cp_async_{0}(lane_id() * {0}, args.u, select(wanted, place, place + 0x40000000), wanted);\n"
      "  cp_async_commit();\n  cp_async_wait<0>();\n  warp_sync();\n",
      bytes);
  for (int i = 0; i < words; ++i)
    made.body += fmt::format("  out_word({0}, lds_u32(lane_id() * 4 + {1}));\n", i, i * 128);
  made.expect = [words](Block& block) {
    for (int position = 0; position < 32 * words; ++position) {
      const int lane = position / words;
      const int source = 32 + (lane ^ 5) * words + position % words;
      block.out.data[static_cast<std::size_t>(position)] =
          block.in.at(0, lane) & 1 ? block.in.data[static_cast<std::size_t>(source)] : 0;
    }
  };
  return made;
}

/// Two warps, three groups in flight; each group is read once it must have arrived, by the other warp's lanes too.
LaneCase group_case() {
  LaneCase made;
  made.name = "cp_async_wait lets the youngest groups fly";
  made.warps = 2;
  made.words_in = 3;
  made.words_out = 3;
  made.shared_bytes = 3 * 256;
  made.body =
      "  vp all = lane_id() >= 0;\n  vi mine = thread_id() * 4;\n"
      "  cp_async_4(mine, args.u, mine + kIn, all);\n  cp_async_commit();\n"
      "  cp_async_4(mine + 256, args.u, mine + (kIn + 256), all);\n  cp_async_commit();\n"
      "  cp_async_4(mine + 512, args.u, mine + (kIn + 512), all);\n  cp_async_commit();\n"
      "  vi other = (thread_id() ^ 32) * 4;\n"
      "  cp_async_wait<2>();\n  block_sync();\n  out_word(0, lds_u32(other));\n"
      "  cp_async_wait<1>();\n  block_sync();\n  out_word(1, lds_u32(other + 256));\n"
      "  cp_async_wait<0>();\n  block_sync();\n  out_word(2, lds_u32(other + 512));\n";
  made.expect = [](Block& block) {
    for (int word = 0; word < 3; ++word) {
      for (int thread = 0; thread < 64; ++thread) block.out.at(word, thread) = block.in.at(word, thread ^ 32);
    }
  };
  return made;
}

}  // namespace

std::vector<LaneCase> asynchronous_cases() { return {copy_case(4), copy_case(8), copy_case(16), group_case()}; }

}  // namespace fftconv::lanes
