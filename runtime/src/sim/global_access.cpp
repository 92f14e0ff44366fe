// Global memory as kernels see it: every address is looked up among the live allocations.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "sim/launch.h"
#include "sim/traffic.h"

namespace fftconv::sim {

const Range* Launch::range_of(std::uintptr_t address) {
  if (last_range_ && last_range_->holds(address, 0) && address != last_range_->end) return last_range_;
  const auto& memory = request_.memory;
  const auto next = std::upper_bound(memory.begin(), memory.end(), address,
                                     [](std::uintptr_t value, const Range& range) { return value < range.begin; });
  if (next == memory.begin()) return nullptr;
  const Range& range = *std::prev(next);
  if (address >= range.end) return nullptr;
  return last_range_ = &range;
}

// An access must lie in the allocation of its base pointer: beyond it the next one may be somebody else's. A base
// that lies outside (shifted, so that the offset brings it back) may lead into any.
const std::byte* Launch::global_address(const Range* range, const void* base, int offset, int bytes, int lane,
                                        int line, Use use) {
  const char* verb = use == Use::write ? "writes" : "reads";
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(base) + static_cast<std::intptr_t>(offset);
  if (address % static_cast<std::uintptr_t>(bytes) != 0 && findings_.is_new("misaligned", line, 0)) {
    findings_.add("misaligned", line, 0,
                  fmt::format("misaligned: line {} {} {} bytes at byte offset {} of a pointer ({}): the address must "
                              "be a multiple of {}.",
                              line, verb, bytes, offset, to_string(where(lane)), bytes));
  }
  const Range* home = range ? range : range_of(address);
  if (home && home->holds(address, static_cast<std::size_t>(bytes))) {
    if (use != Use::read && options_.checks) note_use(*home, address, bytes, line, use);
    return reinterpret_cast<const std::byte*>(address);
  }
  if (findings_.is_new("out-of-range", line, 0)) {
    const std::string extent =
        home              ? fmt::format("the allocation has {} bytes and the access starts at byte {} of it",
                                        home->end - home->begin, static_cast<std::int64_t>(address - home->begin))
        : base == nullptr ? std::string("the pointer is null")
                          : std::string("no allocation is there");
    findings_.add("out-of-range", line, 0,
                  fmt::format("out-of-range: line {} {} {} bytes at byte offset {} of a pointer ({}): {}.", line,
                              verb, bytes, offset, to_string(where(lane)), extent));
  }
  return nullptr;
}

// Constants are read past the caches that writes keep right. Judged by the extent of both in an allocation, not byte
// by byte: tables and results do not interleave.
void Launch::note_use(const Range& range, std::uintptr_t address, int bytes, int line, Use use) {
  Uses& uses = uses_[static_cast<std::size_t>(&range - request_.memory.data())];
  (use == Use::write ? uses.written : uses.constant).add(address, bytes, line);
  if (!uses.written.meets(uses.constant)) return;
  findings_.add(
      "race", uses.written.line, uses.constant.line,
      fmt::format("race: line {} writes global memory that line {} reads as constant: read it with ldg_ and "
                  "order the two.",
                  uses.written.line, uses.constant.line));
}

void Launch::count_global(const void* base, const int* offset, std::uint32_t active, int bytes) {
  if (!options_.count || active == 0 || !vector_mode()) return;
  std::array<std::uintptr_t, lanes_per_warp> addresses;
  int count = 0;
  for (int i = 0; i < lanes_per_warp; ++i) {
    if (!(active >> i & 1u)) continue;
    addresses[static_cast<std::size_t>(count++)] =
        reinterpret_cast<std::uintptr_t>(base) + static_cast<std::intptr_t>(offset[i]);
  }
  constexpr int sector_bytes = 32;
  ++counters_.global_requests;
  counters_.global_sectors += sectors(addresses.data(), count, bytes);
  counters_.global_ideal += (count * bytes + sector_bytes - 1) / sector_bytes;
}

void Launch::load_global(std::uint32_t* result, const void* base, const int* offset, const int* mask, int bytes,
                         bool constant, int line) {
  const int count = lanes();
  const int words = std::max(1, bytes / 4);
  const std::uint32_t asked = active(mask);
  count_global(base, offset, asked, bytes);
  const Range* range = range_of(reinterpret_cast<std::uintptr_t>(base));
  for (int i = 0; i < count; ++i) {
    std::uint32_t value[4] = {};
    if (asked >> i & 1u) {
      if (const std::byte* address =
              global_address(range, base, offset[i], bytes, i, line, constant ? Use::constant : Use::read)) {
        std::memcpy(value, address, static_cast<std::size_t>(bytes));
      }
    }
    for (int w = 0; w < words; ++w) result[w * count + i] = value[w];
  }
}

void Launch::store_global(void* base, const int* offset, const std::uint32_t* value, const int* mask, int bytes,
                          int line) {
  const int count = lanes();
  const int words = std::max(1, bytes / 4);
  const std::uint32_t asked = active(mask);
  count_global(base, offset, asked, bytes);
  const Range* range = range_of(reinterpret_cast<std::uintptr_t>(base));
  for (int i = 0; i < count; ++i) {
    if (!(asked >> i & 1u)) continue;
    const std::byte* address = global_address(range, base, offset[i], bytes, i, line, Use::write);
    if (!address) continue;
    std::uint32_t lane_value[4];
    for (int w = 0; w < words; ++w) lane_value[w] = value[w * count + i];
    std::memcpy(const_cast<std::byte*>(address), lane_value, static_cast<std::size_t>(bytes));
  }
}

}  // namespace fftconv::sim
