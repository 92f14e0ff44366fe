// Who am I, shared and global memory, ldmatrix, barriers.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lanes/lane_case.h"
#include "lanes/lane_values.h"

namespace fftconv::lanes {
namespace {

struct Width {
  const char* name;  ///< suffix of the functions
  const char* type;
  int bytes;
};
constexpr Width kWidths[] = {{"u16", "vu", 2}, {"u32", "vu", 4}, {"u32x2", "u32x2", 8}, {"u32x4", "u32x4", 16}};
constexpr const char* kFields[] = {"x", "y", "z", "w"};

int words_of(const Width& width) { return std::max(1, width.bytes / 4); }
/// Bytes between the places of two lanes: a u16 has a whole word to itself.
int stride_of(const Width& width) { return std::max(4, width.bytes); }

std::string field(const Width& width, const std::string& value, int i) {
  return width.bytes > 4 ? value + "." + kFields[i] : value;
}

/// Statements that read the words `first` … of the lane's input into a value of the width's type.
std::string gather(const Width& width, const std::string& value, int first) {
  std::string text = fmt::format("  {} {};\n", width.type, value);
  for (int i = 0; i < words_of(width); ++i) {
    text += fmt::format("  {} = in_word({});\n", field(width, value, i), first + i);
  }
  return text;
}

std::string scatter(const Width& width, const std::string& value, int first = 0) {
  std::string text;
  for (int i = 0; i < words_of(width); ++i) {
    text += fmt::format("  out_word({}, {});\n", first + i, field(width, value, i));
  }
  return text;
}

/// Turns input word `word` into a byte offset: a random place for each lane, all different, aligned to the width.
void make_offsets(Block& block, int word, const Width& width) {
  std::vector<int> order(32);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return block.in.at(word, a) < block.in.at(word, b); });
  for (int lane = 0; lane < 32; ++lane) {
    const std::uint32_t inside = width.bytes == 2 ? (block.in.at(word, lane) & 1) * 2 : 0;
    const int place = order[static_cast<std::size_t>(lane)];
    block.in.at(word, lane) = static_cast<std::uint32_t>(place * stride_of(width)) + inside;
  }
}

/// A block's memory as bytes, for expected loads and stores of any width.
std::uint32_t load(const std::vector<std::uint32_t>& memory, std::uint32_t offset, const Width& width, int i) {
  const std::uint32_t word = memory[offset / 4 + static_cast<std::uint32_t>(i)];
  return width.bytes == 2 ? (offset & 2 ? word >> 16 : word & 0xffff) : word;
}

void store(std::vector<std::uint32_t>& memory, std::uint32_t offset, const Width& width, int i, std::uint32_t value) {
  std::uint32_t& word = memory[offset / 4 + static_cast<std::uint32_t>(i)];
  if (width.bytes != 2) {
    word = value;
  } else {
    word = offset & 2 ? (word & 0xffff) | value << 16 : (word & 0xffff0000u) | (value & 0xffff);
  }
}

constexpr std::uint32_t kBackground = 0xA5A50000u;

/// Words: 0 place to store, 1 place to load, 2 predicates (bit 0 store, bit 1 load), 3 … data.
LaneCase shared_case(const Width& width, bool predicated) {
  LaneCase made;
  made.name = fmt::format("lds_{0} and sts_{0}{1}", width.name, predicated ? ", predicated" : "");
  made.words_in = 3 + words_of(width);
  made.words_out = words_of(width);
  made.shared_bytes = 32 * stride_of(width);
  for (int i = 0; i < words_of(width); ++i) {
    made.body += fmt::format("  sts_u32(lane_id() * 4 + {}, as_uint(lane_id()) + {}u);\n", i * 128,
                             kBackground + static_cast<std::uint32_t>(i) * 32);
  }
  made.body += "  warp_sync();\n" + gather(width, "data", 3);
  const char* store_if = predicated ? ", (in_word(2) & 1u) != 0u" : "";
  const char* load_if = predicated ? ", (in_word(2) & 2u) != 0u" : "";
  made.body += fmt::format("  sts_{}(as_int(in_word(0)), data{});\n  warp_sync();\n", width.name, store_if);
  made.body += fmt::format("  {} found = lds_{}(as_int(in_word(1)){});\n", width.type, width.name, load_if);
  made.body += scatter(width, "found");
  made.prepare = [width](Block& block) {
    make_offsets(block, 0, width);
    make_offsets(block, 1, width);
  };
  made.expect = [width, predicated](Block& block) {
    std::vector<std::uint32_t> shared(static_cast<std::size_t>(32 * words_of(width)));
    std::iota(shared.begin(), shared.end(), kBackground);
    for (int i = 0; i < words_of(width); ++i) {
      for (int lane = 0; lane < 32; ++lane) {
        if (!predicated || (block.in.at(2, lane) & 1)) {
          store(shared, block.in.at(0, lane), width, i, block.in.at(3 + i, lane));
        }
      }
    }
    for (int i = 0; i < words_of(width); ++i) {
      for (int lane = 0; lane < 32; ++lane) {
        const bool loads = !predicated || (block.in.at(2, lane) & 2);
        block.out.at(i, lane) = loads ? load(shared, block.in.at(1, lane), width, i) : 0;
      }
    }
  };
  return made;
}

/// Words: 0 place, 1 predicate, 2 … the memory that is read. Where the predicate is false the address is far outside.
LaneCase global_load_case(const std::string& function, const Width& width, bool predicated) {
  LaneCase made;
  made.name = fmt::format("{}_{}{}", function, width.name, predicated ? ", predicated" : "");
  made.words_in = 2 + words_of(width);
  made.words_out = words_of(width);
  made.body = "  vi place = as_int(in_word(0)) + (kIn + 256);\n";
  if (predicated) {
    made.body += "  vp wanted = (in_word(1) & 1u) != 0u;\n  place = select(wanted, place, place + 0x40000000);\n";
  }
  made.body += fmt::format("  {} found = {}_{}(args.u, place{});\n", width.type, function, width.name,
                           predicated ? ", wanted" : "");
  made.body += scatter(width, "found");
  made.prepare = [width](Block& block) { make_offsets(block, 0, width); };
  made.expect = [width, predicated](Block& block) {
    const std::vector<std::uint32_t> memory(block.in.data.begin() + 64, block.in.data.end());
    for (int i = 0; i < words_of(width); ++i) {
      for (int lane = 0; lane < 32; ++lane) {
        const bool wanted = !predicated || (block.in.at(1, lane) & 1);
        block.out.at(i, lane) = wanted ? load(memory, block.in.at(0, lane), width, i) : 0;
      }
    }
  };
  return made;
}

LaneCase global_store_case(const Width& width, bool predicated) {
  LaneCase made;
  made.name = fmt::format("stg_{}{}", width.name, predicated ? ", predicated" : "");
  made.words_in = 2 + words_of(width);
  made.words_out = words_of(width);
  made.body = gather(width, "data", 2) + "  vi place = as_int(in_word(0)) + kOut;\n";
  if (predicated) {
    made.body += "  vp wanted = (in_word(1) & 1u) != 0u;\n  place = select(wanted, place, place + 0x40000000);\n";
  }
  made.body += fmt::format("  stg_{}(args.y, place, data{});\n", width.name, predicated ? ", wanted" : "");
  made.prepare = [width](Block& block) { make_offsets(block, 0, width); };
  made.expect = [width, predicated](Block& block) {
    for (int i = 0; i < words_of(width); ++i) {
      for (int lane = 0; lane < 32; ++lane) {
        if (predicated && !(block.in.at(1, lane) & 1)) continue;
        store(block.out.data, block.in.at(0, lane), width, i, block.in.at(2 + i, lane));
      }
    }
  };
  return made;
}

/// Words: 0 … 7 fill 64 rows of 16 bytes, 8 gives the row that the lane's address points at.
LaneCase ldmatrix_case(int matrices, bool transposed) {
  LaneCase made;
  const std::string function = fmt::format("ldmatrix_x{}{}", matrices, transposed ? "_trans" : "");
  made.name = function;
  made.words_in = 9;
  made.words_out = matrices;
  made.shared_bytes = 1024;
  for (int i = 0; i < 8; ++i) made.body += fmt::format("  sts_u32(lane_id() * 4 + {0}, in_word({1}));\n", i * 128, i);
  made.body += "  warp_sync();\n";
  made.body += fmt::format("  u32x{} found = {}(as_int(in_word(8)));\n", matrices, function);
  for (int i = 0; i < matrices; ++i) made.body += fmt::format("  out_word({}, found.{});\n", i, kFields[i]);
  made.prepare = [](Block& block) {
    for (int lane = 0; lane < 32; ++lane) block.in.at(8, lane) = (block.in.at(8, lane) & 63) * 16;
  };
  made.expect = [matrices, transposed](Block& block) {
    const auto element = [&](int matrix, int row, int column) {
      const std::uint32_t offset = block.in.at(8, matrix * 8 + row) + static_cast<std::uint32_t>(column) * 2;
      const std::uint32_t word = block.in.data[offset / 4];
      return offset & 2 ? high(word) : low(word);
    };
    for (int matrix = 0; matrix < matrices; ++matrix) {
      for (int lane = 0; lane < 32; ++lane) {
        const int g = lane / 4, t = lane % 4;
        block.out.at(matrix, lane) = transposed ? pair(element(matrix, 2 * t, g), element(matrix, 2 * t + 1, g))
                                                : pair(element(matrix, g, 2 * t), element(matrix, g, 2 * t + 1));
      }
    }
  };
  return made;
}

LaneCase identity_case() {
  LaneCase made;
  made.name = "lane_id, warp_id and block numbers";
  made.warps = 3;
  made.grid = {3, 2, 4};
  made.words_out = 5;
  made.body =
      "  out_word(0, as_uint(lane_id()));\n  out_word(1, as_uint((vi)warp_id()));\n  out_word(2, "
      "as_uint((vi)block_x()));\n"
      "  out_word(3, as_uint((vi)block_y()));\n  out_word(4, as_uint((vi)block_z()));\n";
  made.expect = [](Block& block) {
    for (int thread = 0; thread < block.out.threads; ++thread) {
      block.out.at(0, thread) = static_cast<std::uint32_t>(thread % 32);
      block.out.at(1, thread) = static_cast<std::uint32_t>(thread / 32);
      for (int i = 0; i < 3; ++i) {
        block.out.at(2 + i, thread) = static_cast<std::uint32_t>(block.index[static_cast<std::size_t>(i)]);
      }
    }
  };
  return made;
}

/// Four rounds of an exchange among all threads of the block, then one within each half of it.
LaneCase barrier_case() {
  LaneCase made;
  made.name = "block_sync and group_sync order shared memory between warps";
  made.warps = 4;
  made.shared_bytes = 512;
  made.body =
      "  vu value = in_word(0);\n  vi mine = thread_id() * 4;\n"
      "  for (int round = 0; round < 4; ++round) {\n"
      "    sts_u32(mine, value);\n    block_sync();\n"
      "    value = lds_u32((thread_id() * 5 + (round * 7 + 33)) * 4 & 511) + 1u;\n    block_sync();\n  }\n"
      "  sts_u32(mine, value);\n  group_sync(3 + warp_id() / 2, 64);\n"
      "  vi partner = (thread_id() & 64) + ((thread_id() + 37) & 63);\n"
      "  out_word(0, lds_u32(partner * 4));\n";
  made.expect = [](Block& block) {
    std::vector<std::uint32_t> value(block.in.data);
    for (int round = 0; round < 4; ++round) {
      const std::vector<std::uint32_t> shared = value;
      for (int thread = 0; thread < 128; ++thread) {
        value[static_cast<std::size_t>(thread)] =
            shared[static_cast<std::size_t>((thread * 5 + round * 7 + 33) % 128)] + 1;
      }
    }
    for (int thread = 0; thread < 128; ++thread) {
      block.out.at(0, thread) = value[static_cast<std::size_t>((thread & 64) + ((thread + 37) & 63))];
    }
  };
  return made;
}

}  // namespace

std::vector<LaneCase> memory_cases() {
  std::vector<LaneCase> cases = {identity_case(), barrier_case()};
  for (const Width& width : kWidths) {
    for (const bool predicated : {false, true}) {
      cases.push_back(shared_case(width, predicated));
      cases.push_back(global_load_case("ldg", width, predicated));
      cases.push_back(global_store_case(width, predicated));
    }
    if (width.bytes > 2) cases.push_back(global_load_case("ldc", width, false));
  }
  for (const int matrices : {2, 4}) {
    for (const bool transposed : {false, true}) cases.push_back(ldmatrix_case(matrices, transposed));
  }
  return cases;
}

}  // namespace fftconv::lanes
