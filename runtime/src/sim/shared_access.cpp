// Shared memory as kernels see it: loads, stores, ldmatrix, asynchronous copies, matrix products of fragments.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "sim/lane_math.h"
#include "sim/launch.h"
#include "sim/traffic.h"

namespace fftconv::sim {
namespace {

constexpr int matrix_rows = 8;
constexpr int row_bytes = 16;
constexpr int word_bytes = 4;

int word_count(int bytes) { return std::max(1, bytes / word_bytes); }

}  // namespace

std::uint32_t Launch::active(const int* mask) const {
  const int count = lanes();
  if (!mask) return count == lanes_per_warp ? ~0u : 1u;
  std::uint32_t bits = 0;
  for (int i = 0; i < count; ++i) bits |= std::uint32_t{mask[i] != 0} << i;
  return bits;
}

bool Launch::shared_range_ok(int offset, int bytes, int alignment, int lane, int line) {
  if (offset % alignment != 0 && findings_.is_new("misaligned", line, 0)) {
    findings_.add("misaligned", line, 0,
                  fmt::format("misaligned: line {} accesses {} bytes at shared offset {} ({}): it must be a multiple "
                              "of {}.",
                              line, bytes, offset, to_string(where(lane)), alignment));
  }
  if (offset >= 0 && static_cast<std::size_t>(offset) + static_cast<std::size_t>(bytes) <= shared_bytes())
    return true;
  if (findings_.is_new("out-of-range", line, 0)) {
    findings_.add("out-of-range", line, 0,
                  fmt::format("out-of-range: line {} accesses {} bytes at shared offset {} ({}): the block has {} "
                              "bytes.",
                              line, bytes, offset, to_string(where(lane)), shared_bytes()));
  }
  return false;
}

void Launch::check_read(int offset, int bytes, int lane, int line) {
  if (!options_.checks) return;
  const int who = vector_mode() || lane >= lane_collective ? lane : agent_->lane;
  const Verdict verdict = workspace_.shadow.read(offset, bytes, agent_->warp, who, line);
  if (verdict.clash != Clash::none) findings_.add_clash(verdict, where(lane), line, true);
}

void Launch::check_write(int offset, int bytes, int lane, int line, bool pending) {
  if (!options_.checks) return;
  const int who = vector_mode() ? lane : agent_->lane;
  const Verdict verdict = workspace_.shadow.write(offset, bytes, agent_->warp, who, line, pending);
  if (verdict.clash != Clash::none) findings_.add_clash(verdict, where(lane), line, false);
}

void Launch::count_shared(const int* offset, std::uint32_t active, int bytes) {
  if (!options_.count || active == 0) return;
  counters_.shared_bytes += std::int64_t{bytes} * std::popcount(active);
  if (!vector_mode()) return;  // one thread at a time shows no conflict
  const SharedCost cost = shared_cost(offset, active, lanes_per_warp, bytes);
  ++counters_.shared_requests;
  counters_.shared_wavefronts += cost.wavefronts;
  counters_.shared_ideal += cost.ideal;
}

void Launch::load_shared(std::uint32_t* result, const int* offset, const int* mask, int bytes, int line) {
  const int count = lanes();
  const int words = word_count(bytes);
  const std::uint32_t asked = active(mask);
  count_shared(offset, asked, bytes);
  for (int i = 0; i < count; ++i) {
    std::uint32_t value[4] = {};
    if (asked >> i & 1u && shared_range_ok(offset[i], bytes, bytes, i, line)) {
      check_read(offset[i], bytes, i, line);
      std::memcpy(value, shared() + offset[i], static_cast<std::size_t>(bytes));
    }
    for (int w = 0; w < words; ++w) result[w * count + i] = value[w];
  }
}

void Launch::store_shared(const int* offset, const std::uint32_t* value, const int* mask, int bytes, int line) {
  const int count = lanes();
  const int words = word_count(bytes);
  const std::uint32_t asked = active(mask);
  count_shared(offset, asked, bytes);
  for (int i = 0; i < count; ++i) {
    if (!(asked >> i & 1u) || !shared_range_ok(offset[i], bytes, bytes, i, line)) continue;
    check_write(offset[i], bytes, i, line, false);
    std::uint32_t lane_value[4];
    for (int w = 0; w < words; ++w) lane_value[w] = value[w * count + i];
    std::memcpy(shared() + offset[i], lane_value, static_cast<std::size_t>(bytes));
  }
}

void Launch::load_matrix(std::uint32_t* result, const int* row, int matrices, bool transposed, int line) {
  if (vector_mode()) return load_matrices(row, matrices, transposed, result, line);
  if (!meet(Collective::ldmatrix, line, result, {row, nullptr, nullptr})) return;
  const Meeting& meeting = meetings_[static_cast<std::size_t>(agent_->warp)];
  std::array<int, lanes_per_warp> rows;
  std::array<std::uint32_t, 4 * lanes_per_warp> values;
  for (std::size_t lane = 0; lane < lanes_per_warp; ++lane) {
    rows[lane] = *static_cast<const int*>(meeting.operands[lane][0]);
  }
  load_matrices(rows.data(), matrices, transposed, values.data(), line);
  for (std::size_t lane = 0; lane < lanes_per_warp; ++lane) {
    auto* words = static_cast<std::uint32_t*>(meeting.result[lane]);
    for (std::size_t m = 0; m < static_cast<std::size_t>(matrices); ++m) words[m] = values[m * lanes_per_warp + lane];
  }
  end_meeting();
}

// Row r of matrix m comes from the address of lane 8 m + r. Lane l receives the pair (l / 4, 2 (l % 4)) of each
// matrix, or of its transpose.
void Launch::load_matrices(const int* row, int matrices, bool transposed, std::uint32_t* result, int line) {
  if (options_.count) {
    counters_.shared_bytes += std::int64_t{matrices} * matrix_rows * row_bytes;
    ++counters_.shared_requests;
  }
  for (int m = 0; m < matrices; ++m) {
    std::uint16_t elements[matrix_rows][matrix_rows] = {};
    for (int r = 0; r < matrix_rows; ++r) {
      const int offset = row[m * matrix_rows + r];
      if (!shared_range_ok(offset, row_bytes, row_bytes, lane_collective, line)) continue;
      check_read(offset, row_bytes, lane_collective, line);
      std::memcpy(elements[r], shared() + offset, row_bytes);
    }
    if (options_.count) {
      const SharedCost cost = shared_cost(row + m * matrix_rows, 0xFFu, matrix_rows, row_bytes);
      counters_.shared_wavefronts += cost.wavefronts;
      counters_.shared_ideal += cost.ideal;
    }
    for (int lane = 0; lane < lanes_per_warp; ++lane) {
      const int i = lane / 4;
      const int j = 2 * (lane % 4);
      const std::uint32_t low = transposed ? elements[j][i] : elements[i][j];
      const std::uint32_t high = transposed ? elements[j + 1][i] : elements[i][j + 1];
      result[m * lanes_per_warp + lane] = low | high << 16;
    }
  }
}

void Launch::copy_async(const int* shared, const void* base, const int* offset, const int* mask, int bytes,
                        int line) {
  const int count = lanes();
  const std::uint32_t reads = active(mask);
  const std::uint32_t all = active(nullptr);
  count_shared(shared, all, bytes);
  count_global(base, offset, reads, bytes);
  const Range* range = range_of(reinterpret_cast<std::uintptr_t>(base));
  for (int i = 0; i < count; ++i) {
    const std::byte* source = nullptr;
    if (reads >> i & 1u) source = global_address(range, base, offset[i], bytes, i, line, Use::read);
    if (!shared_range_ok(shared[i], bytes, bytes, i, line)) continue;
    check_write(shared[i], bytes, i, line, true);
    agent_->copies.push_back({shared[i], source, bytes, vector_mode() ? i : agent_->lane, line});
  }
}

void Launch::commit_copies() { agent_->groups.push_back(agent_->copies.size()); }

void Launch::wait_copies(int pending, int) {
  Agent& self = *agent_;
  while (self.groups.size() - self.finished_groups > static_cast<std::size_t>(std::max(pending, 0))) {
    const std::size_t end = self.groups[self.finished_groups++];
    for (; self.finished_copies < end; ++self.finished_copies) {
      const AsyncCopy& copy = self.copies[self.finished_copies];
      std::byte* destination = shared() + copy.destination;
      if (copy.source) {
        std::memcpy(destination, copy.source, static_cast<std::size_t>(copy.bytes));
      } else {
        std::memset(destination, 0, static_cast<std::size_t>(copy.bytes));
      }
      if (options_.checks) {
        workspace_.shadow.arrive(copy.destination, copy.bytes, self.warp, copy.lane, copy.line);
      }
    }
  }
  if (self.finished_groups == self.groups.size() && self.finished_copies == self.copies.size()) {
    self.copies.clear();
    self.groups.clear();
    self.finished_copies = self.finished_groups = 0;
  }
}

void Launch::multiply(int kind, std::uint32_t* d, const std::uint32_t* a, const std::uint32_t* b0,
                      const std::uint32_t* b1, int line) {
  const auto mma_kind = static_cast<MmaKind>(kind);
  if (vector_mode()) {
    counters_.mma += options_.count;
    return lane_math().mma(mma_kind, d, a, b0, b1);
  }
  if (!meet(Collective::mma, line, d, {a, b0, b1})) return;
  counters_.mma += options_.count;
  const Meeting& meeting = meetings_[static_cast<std::size_t>(agent_->warp)];
  const std::size_t registers = mma_kind == MmaKind::f16_f16 ? 2 : 4;
  std::uint32_t all_d[4 * lanes_per_warp], all_a[4 * lanes_per_warp], all_b[2][lanes_per_warp];
  for (std::size_t lane = 0; lane < lanes_per_warp; ++lane) {
    const auto* lane_a = static_cast<const std::uint32_t*>(meeting.operands[lane][0]);
    const auto* lane_d = static_cast<const std::uint32_t*>(meeting.result[lane]);
    for (std::size_t r = 0; r < 4; ++r) all_a[r * lanes_per_warp + lane] = lane_a[r];
    for (std::size_t r = 0; r < registers; ++r) all_d[r * lanes_per_warp + lane] = lane_d[r];
    for (std::size_t b = 0; b < 2; ++b)
      all_b[b][lane] = *static_cast<const std::uint32_t*>(meeting.operands[lane][1 + b]);
  }
  lane_math().mma(mma_kind, all_d, all_a, all_b[0], all_b[1]);
  for (std::size_t lane = 0; lane < lanes_per_warp; ++lane) {
    auto* lane_d = static_cast<std::uint32_t*>(meeting.result[lane]);
    for (std::size_t r = 0; r < registers; ++r) lane_d[r] = all_d[r * lanes_per_warp + lane];
  }
  end_meeting();
}

}  // namespace fftconv::sim
