#include "cpu/schedule.h"

#include <algorithm>

namespace fftconv {
namespace {

constexpr std::int64_t kTicketsPerThread = 8;  // rows differ little; the last ticket is what a thread may wait for
constexpr std::int64_t kPassTicketsPerThread = 4;  // of a pass over a shared item
constexpr double kSharingCost = 1.15;  // time of a shared item over its fair part of the time of a whole one
constexpr double kMostIdle = 0.07;     // of the threads' time in the pass over subtrees, where a further level helps

std::int64_t chunk_for(std::int64_t units, std::int64_t tickets) {
  return std::max<std::int64_t>(1, units / tickets);
}

/// Levels to go through pass by pass: the fewest that leave as many subtrees as keep all threads busy.
int depth_for(const KernelShares& shares, int threads) {
  const int most = static_cast<int>(shares.subtrees.size());
  for (int depth = 1; depth < most; ++depth) {
    const std::int64_t subtrees = shares.subtrees[depth - 1], rounds = (subtrees + threads - 1) / threads;
    if (static_cast<double>(rounds * threads) <= (1 + kMostIdle) * static_cast<double>(subtrees)) return depth;
  }
  return most;
}

void add_passes(Schedule& schedule, const KernelShares& shares, bool convolves, int threads) {
  const auto add = [&](SharePass pass, std::int64_t level, std::int64_t units) {
    schedule.pass[schedule.passes++] = {pass, level, units, chunk_for(units, kPassTicketsPerThread * threads)};
  };
  const int depth = depth_for(shares, threads);
  if (!convolves) {
    add(SharePass::clear, 0, shares.memory_blocks);
    add(SharePass::taps, 0, shares.taps);
  }
  for (int level = 0; level < depth; ++level) add(SharePass::split, level, shares.blocks[level]);
  add(SharePass::subtrees, depth, shares.subtrees[depth - 1]);
  for (int level = depth - 1; convolves && level >= 0; --level) add(SharePass::join, level, shares.blocks[level]);
}

}  // namespace

std::int64_t Schedule::item_tickets() const {
  std::int64_t tickets = 0;
  for (int i = 0; i < passes; ++i) tickets += pass[i].tickets();
  return tickets;
}

Ticket ticket(const Schedule& schedule, std::int64_t number) {
  const std::int64_t whole = schedule.whole_tickets();
  Ticket result;
  if (number < whole) {
    result.first = number * schedule.chunk;
    result.last = std::min(result.first + schedule.chunk, schedule.whole);
    result.end = whole;
    return result;
  }
  const std::int64_t each = schedule.item_tickets(), shared = (number - whole) / each;
  result.whole = false;
  result.item = schedule.whole + shared;
  result.end = whole + shared * each;
  for (int i = 0; i < schedule.passes && result.end <= number; ++i) {
    result.pass = &schedule.pass[i];
    result.after = result.end;
    result.end += result.pass->tickets();
  }
  result.first = (number - result.after) * result.pass->chunk;
  result.last = std::min(result.first + result.pass->chunk, result.pass->units);
  return result;
}

Schedule make_schedule(std::int64_t items, const KernelShares& shares, bool convolves, int threads) {
  Schedule schedule{.whole = items};
  const bool can_share = threads > 1 && !shares.convolution.empty();
  const std::int64_t left_over = items % threads;
  if (can_share && static_cast<double>(left_over) * kSharingCost < threads) {
    schedule.shared = left_over;
    schedule.whole -= left_over;
  }
  schedule.chunk = chunk_for(schedule.whole, kTicketsPerThread * threads);
  if (schedule.shared > 0) add_passes(schedule, shares, convolves, threads);
  return schedule;
}

}  // namespace fftconv
